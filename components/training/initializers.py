"""A kernel initializer for images: each unit starts with a spot of the image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from components.features import HEIGHT, PIXELS, WIDTH

# Where windows have their centres: ink keeps off the border by three pixels or more.
_MARGIN = 3.0
# Standard deviations of the windows in pixels.
_NARROWEST, _WIDEST = 2.0, 5.0


@keras.saving.register_keras_serializable("mnist_pipeline")
class LocalHeNormal(keras.initializers.Initializer):
    """He's normal weights, each unit's under a Gaussian window at a random place.

    A unit starts as a detector of strokes in a spot of the image, and may leave it in
    training. Each column keeps the mean square of He et al. 2015, "Delving deep into
    rectifiers". Draws follow ``keras.utils.set_random_seed``.
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> keras.KerasTensor:
        """Returns weights [784, units] for images as rows of pixels.

        Raises:
          ValueError: the shape is another.
        """
        if len(shape) != 2 or shape[0] != PIXELS:
            raise ValueError(
                f"Expected weights of shape [{PIXELS}, units]. Received: {shape}."
            )
        weights = keras.initializers.HeNormal()(shape, dtype)
        return weights * keras.ops.cast(_windows(shape[1]), weights.dtype)


def _windows(units: int) -> keras.KerasTensor:
    """Draws a window a unit, float32 [784, units], each with a mean square of 1."""
    row, column = np.divmod(np.arange(PIXELS, dtype=np.float32)[:, None], WIDTH)
    centre_row = _uniform(units, _MARGIN, HEIGHT - 1 - _MARGIN)
    centre_column = _uniform(units, _MARGIN, WIDTH - 1 - _MARGIN)
    width = _uniform(units, _NARROWEST, _WIDEST)
    distance = (row - centre_row) ** 2 + (column - centre_column) ** 2
    windows = keras.ops.exp(-distance / (2 * width**2))
    mean_square = keras.ops.mean(windows**2, axis=0, keepdims=True)
    return windows / keras.ops.sqrt(mean_square)


def _uniform(units: int, low: float, high: float) -> keras.KerasTensor:
    return keras.initializers.RandomUniform(low, high)((1, units))
