"""The bounds of trust, and the distance from the training data."""

import numpy as np
import pytest

from components.pictures.trust import Bounds, Trust, doubt, fit_distance, measure_bounds
from tests.pages import first_digits


def two_classes(confidence: np.ndarray) -> np.ndarray:
    """Probabilities of class 0, and of class 1 the rest; at least one half of 0."""
    rest = np.zeros((len(confidence), 8))
    return np.column_stack([confidence, 1 - confidence, rest]).astype(np.float32)


def test_the_confidence_is_where_99_of_100_begin_to_be_right() -> None:
    confidence = np.repeat([0.6, 0.7, 0.8, 0.9], 100)
    labels = np.zeros(400, np.int64)
    labels[:10], labels[100:102], labels[200:201] = 1, 1, 1
    bounds = measure_bounds(two_classes(confidence), labels, np.arange(400.0))

    assert bounds.confidence == pytest.approx(0.8)
    assert bounds == Bounds(bounds.confidence, 399.0, 400, 0.5, True)


def test_a_network_that_is_never_right_often_enough_has_no_confidence() -> None:
    labels = np.arange(100) % 2
    bounds = measure_bounds(two_classes(np.full(100, 0.9)), labels, np.zeros(100))
    assert (bounds.confidence, bounds.sure) == (None, 0.0)


@pytest.fixture(scope="module")
def distance():
    images, labels = first_digits(2000)
    return fit_distance(images.reshape(-1, 784), labels, 10)


def test_what_is_no_digit_is_further_away_than_digits(distance) -> None:
    images = first_digits(2500)[0].reshape(-1, 784)
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (50, 784)).astype(np.uint8)
    dots = np.where(rng.random((50, 784)) < 0.15, 255, 0).astype(np.uint8)
    far = np.concatenate([noise, dots, 255 - images[:50]])

    unseen = distance.of(images[2000:]).numpy()
    assert distance.of(far).numpy().min() > np.percentile(unseen, 99.5)


def test_each_answer_is_sure_unsure_or_unlike(distance) -> None:
    digits = first_digits(3)[0].reshape(-1, 784)
    digits[2] = 255 - digits[2]
    confidence = two_classes(np.array([0.9, 0.7, 0.9]))
    for least, expected in (
        (0.8, [b"sure", b"unsure", b"unlike"]),
        (None, [b"unsure", b"unsure", b"unlike"]),
    ):
        trust = Trust(Bounds(least, 1000.0, 9, 1.0, True), distance)
        assert doubt(trust, confidence, digits).numpy().tolist() == expected
    assert doubt(None, confidence, digits).numpy().tolist() == [b"unknown"] * 3
