"""Starts a training from the weights of a model that was exported before."""

import logging

import keras
import tensorflow as tf

from components.plain_paths import plain_path
from components.serving.signatures import WEIGHTS

_log = logging.getLogger(__name__)


def warm_start(model: keras.Model, exported: str | None) -> bool:
    """Sets the weights to those of an exported model where the architecture fits.

    It fits when the weights have the same shapes in the same order. The log says
    what was done.

    Args:
      model: its weights are set.
      exported: folder of a SavedModel; None where there is none.

    Returns:
      Whether the weights were set.
    """
    if exported is None:
        _log.info("no warm start: there is no model to start from")
        return False
    with plain_path(exported) as folder:
        loaded = tf.saved_model.load(folder)
    weights = [weight.numpy() for weight in getattr(loaded, WEIGHTS, [])]
    expected = [tuple(weight.shape) for weight in model.weights]
    received = [weight.shape for weight in weights]
    if received != expected:
        _log.info(
            "no warm start: the model to start from does not fit. Expected weights "
            "of shapes %s. Received: %s in %s",
            _shapes(expected),
            _shapes(received),
            exported,
        )
        return False
    model.set_weights(weights)
    _log.info("warm start from %s", exported)
    return True


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("×".join(map(str, shape)) for shape in shapes) or "none"
