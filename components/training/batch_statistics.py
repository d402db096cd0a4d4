"""Measures the statistics of batch normalization, for validation and for serving."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf


class MeasureStatistics(keras.callbacks.Callback):
    """Measures the statistics before each validation, so that it tells the truth.

    Args:
      batches: see ``measure_statistics``.
    """

    def __init__(self, batches: tf.data.Dataset) -> None:
        super().__init__()
        self._batches = batches

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Measures them for the weights that are about to be validated."""
        measure_statistics(self.model, self._batches)


def measure_statistics(model: keras.Model, batches: tf.data.Dataset) -> None:
    """Sets the moving mean and variance of each layer to those of some examples.

    Moving averages lag behind the weights in a short training, and belong to no
    weights at all once these were averaged. Layer by layer, each with those before it
    as in serving; see Wu and Johnson 2021, "Rethinking 'Batch' in BatchNorm".

    Args:
      model: functional; its layers are in the order in which they are computed.
      batches: of (float32 [n, pixels], labels), of the same size and the same in each
        iteration.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            inputs = keras.Model(model.input, layer.input)
            mean, variance = _moments(inputs, batches, layer.axis)
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)


def _moments(
    model: keras.Model, batches: tf.data.Dataset, axis: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of what a model returns, float64, for each index of an axis."""
    means, squares = [], []
    for image, _ in batches:
        values = keras.ops.cast(model(image, training=False), "float32")
        others = [a for a in range(len(values.shape)) if a != axis % len(values.shape)]
        mean, variance = keras.ops.moments(values, others)
        means.append(np.asarray(mean, np.float64))
        squares.append(np.asarray(variance, np.float64) + means[-1] ** 2)
    mean = np.mean(means, axis=0)
    return mean, np.mean(squares, axis=0) - mean**2
