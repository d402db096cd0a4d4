"""The accuracy that Keras shows, and the matrix behind it."""

import keras
import numpy as np
import pytest

from components.training.confusion import ConfusionAccuracy

TRUE = [0, 1, 1, 2, 9]
PREDICTED = [0, 1, 2, 2, 4]


def logits(classes: list[int]) -> np.ndarray:
    return np.eye(10, dtype=np.float32)[classes] * 3 - 1


def test_accuracy_and_counts_over_batches() -> None:
    metric = ConfusionAccuracy(10)
    one_hot = np.eye(10, dtype=np.float32)[TRUE]

    metric.update_state(one_hot[:2], logits(PREDICTED[:2]))
    metric.update_state(one_hot[2:], logits(PREDICTED[2:]))

    expected = np.zeros((10, 10))
    np.add.at(expected, (TRUE, PREDICTED), 1)
    np.testing.assert_array_equal(metric.counts, expected)
    assert float(metric.result()) == pytest.approx(3 / 5)


def test_it_is_what_keras_calls_categorical_accuracy() -> None:
    generator = np.random.default_rng(0)
    true = np.eye(10, dtype=np.float32)[generator.integers(10, size=200)]
    predicted = generator.normal(size=(200, 10)).astype(np.float32)
    ours, theirs = ConfusionAccuracy(10), keras.metrics.CategoricalAccuracy()

    ours.update_state(true, predicted)
    theirs.update_state(true, predicted)

    assert float(ours.result()) == pytest.approx(float(theirs.result()), abs=1e-6)


def test_nothing_is_left_after_a_reset() -> None:
    metric = ConfusionAccuracy(10)
    metric.update_state(logits(TRUE), logits(TRUE))

    metric.reset_state()

    assert float(metric.result()) == 0
