"""Weights of an exported model are taken where they fit, and the log says so."""

import logging
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.serving.signatures import export_model
from components.training.model import build_model
from components.training.warm_start import warm_start
from tests import mnist

pytestmark = pytest.mark.slow


def network(*units: int, precision: str = "float32"):
    return build_model(MNIST, ModelHyperparameters(hidden_units=units), precision)


def preprocess(features: dict) -> dict:
    """Serving hands over images alone."""
    label = tf.zeros([tf.shape(features["image"])[0], 1], tf.int64)
    return mnist.preprocess({"label": label, **features})


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[np.ndarray]]:
    """A model of two layers with random weights, none of them equal."""
    folder = tmp_path_factory.mktemp("exported")
    model = network(8, 4)
    random = np.random.default_rng(0)
    weights = [random.random(weight.shape, np.float32) for weight in model.weights]
    model.set_weights(weights)
    export_model(model, preprocess, folder)
    return str(folder), weights


@pytest.fixture(autouse=True)
def _log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="components.training.warm_start")


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_weights_that_fit_are_taken(exported, caplog, precision: str) -> None:
    folder, weights = exported
    model = network(8, 4, precision=precision)

    assert warm_start(model, folder)
    for weight, expected in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert caplog.messages == [f"warm start from {folder}"]


@pytest.mark.parametrize("units", [(8,), (8, 5), (8, 4, 4)])
def test_weights_of_another_architecture_are_left(exported, caplog, units) -> None:
    model = network(*units)
    before = model.get_weights()

    assert not warm_start(model, exported[0])
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)
    [message] = caplog.messages
    shapes = ", ".join("×".join(map(str, w.shape)) for w in before)
    assert message.startswith(
        "no warm start: the model to start from does not fit. Expected weights of "
        f"shapes {shapes}. Received: 784×8, 8, 8, 8, 8, 8×4, 4, 4, 4, 4, 4×10, 10 in "
    )


def test_a_model_that_holds_no_weights_is_left(tmp_path: Path, caplog) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path))

    assert not warm_start(network(8), str(tmp_path))
    assert "Received: none in " in caplog.messages[0]


def test_without_a_model_nothing_is_done(caplog) -> None:
    assert not warm_start(network(8), None)
    assert caplog.messages == ["no warm start: there is no model to start from"]
