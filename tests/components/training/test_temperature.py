"""The temperature: what it is fitted to, what it changes, what it leaves alone."""

import logging

import keras
import numpy as np
import pytest

from components.hyperparameters import ModelHyperparameters
from components.image_spec import ImageSpec
from components.training.model import build_model
from components.training.temperature import LEAST, MOST, fit_temperature, scaled

CLASSES = 4
TINY = ImageSpec(4, 4, 1, CLASSES)


def calibrated(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits float32 [n, 4], and labels drawn with the probabilities they stand for."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.standard_normal((count, CLASSES)).astype(np.float32)
    likely = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    draws = generator.random((count, 1))
    labels = (draws > likely.cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(labels, CLASSES - 1)


@pytest.mark.parametrize("factor", [1.0, 5.0, 0.25])
def test_it_finds_by_how_much_logits_are_too_large(factor: float) -> None:
    logits, labels = calibrated(5000)

    found = fit_temperature(factor * logits, labels)

    assert found.value == pytest.approx(factor, rel=0.05)
    assert found.loss <= found.loss_before
    assert (found.examples, found.held_out, found.note) == (5000, True, "")


@pytest.mark.parametrize("count", [50, 5000])
def test_a_split_without_a_mistake_does_not_make_the_model_certain(count: int) -> None:
    labels = np.arange(count) % CLASSES
    logits = 3 * np.eye(CLASSES, dtype=np.float32)[labels]

    value = fit_temperature(logits, labels).value

    confidence = 1 / (1 + 3 * np.exp(-3 / value))
    assert LEAST < value < 1
    # As sure as of one mistake in the next so many examples.
    assert 1 - confidence == pytest.approx(1 / (count + 2), rel=0.05)


@pytest.mark.parametrize(
    ("factor", "value"), [(1e3, MOST), (1e-3, LEAST)], ids=["huge", "next to nothing"]
)
def test_a_value_at_a_bound_is_told(factor: float, value: float, caplog) -> None:
    logits, labels = calibrated(500)
    caplog.set_level(logging.INFO, "components")

    found = fit_temperature(factor * logits, labels)

    assert found.value == pytest.approx(value, rel=1e-3)
    assert found.note == "at a bound of 0.1 to 10"
    assert found.note in caplog.text


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_diverged_network_gets_none(odd: float, caplog) -> None:
    logits, labels = calibrated(500)
    logits[7, 2] = odd

    found = fit_temperature(logits, labels, held_out=False)

    assert (found.value, found.loss, found.held_out) == (1.0, None, False)
    assert found.note == "not fitted: the network's logits are not finite"
    assert found.note in caplog.text


def test_a_handful_of_examples_gets_none() -> None:
    found = fit_temperature(*calibrated(49))

    assert found.value == 1.0
    assert found.note == "not fitted: 49 validation examples are fewer than 50"


@pytest.mark.parametrize("ensemble", [{}, {"members": 2, "shifts": 1}])
def test_scaling_changes_neither_weights_nor_the_most_probable_class(ensemble) -> None:
    model = build_model(TINY, ModelHyperparameters(hidden_units=(5,), **ensemble))
    images = np.random.default_rng(0).random((20, TINY.pixels), np.float32)

    sharper = scaled(model, 0.5)

    assert [id(w) for w in sharper.weights] == [id(w) for w in model.weights]
    assert sharper.count_params() == model.count_params()
    before, after = (keras.ops.convert_to_numpy(m(images)) for m in (model, sharper))
    np.testing.assert_allclose(after, 2 * before, rtol=1e-5)
