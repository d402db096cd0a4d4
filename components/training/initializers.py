"""A kernel initializer for images: each unit starts with a spot of the image."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

# In fourteenths of the shorter side. Where windows have their centres: ink keeps off
# the border.
_MARGIN = 1.5
# Standard deviations of the windows.
_NARROWEST, _WIDEST = 1.0, 2.5


@keras.saving.register_keras_serializable("mnist_pipeline")
class LocalHeNormal(keras.initializers.Initializer):
    """He's normal weights, each unit's under a Gaussian window at a random place.

    A unit starts as a detector of strokes in a spot of the image, and may leave it in
    training. Each column keeps the mean square of He et al. 2015, "Delving deep into
    rectifiers". Draws follow ``keras.utils.set_random_seed``.

    Args:
      height: of the images.
      width: of the images.
    """

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return dict(zip(("height", "width"), self._size, strict=True))

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> keras.KerasTensor:
        """Returns weights [pixels, units] for images as rows of pixels.

        Raises:
          ValueError: the shape is another.
        """
        pixels = math.prod(self._size)
        if len(shape) != 2 or shape[0] != pixels:
            raise ValueError(
                f"Expected weights of shape [{pixels}, units]. Received: {shape}."
            )
        weights = keras.initializers.HeNormal()(shape, dtype)
        return weights * keras.ops.cast(_windows(*self._size, shape[1]), weights.dtype)


def _windows(height: int, width: int, units: int) -> keras.KerasTensor:
    """Draws a window a unit, float32 [pixels, units], each with a mean square of 1."""
    places = np.arange(height * width, dtype=np.float32)[:, None]
    row, column = np.divmod(places, width)
    scale = min(height, width) / 14
    margin = _MARGIN * scale
    centre_row = _uniform(units, margin, height - 1 - margin)
    centre_column = _uniform(units, margin, width - 1 - margin)
    spread = _uniform(units, _NARROWEST * scale, _WIDEST * scale)
    distance = (row - centre_row) ** 2 + (column - centre_column) ** 2
    windows = keras.ops.exp(-distance / (2 * spread**2))
    mean_square = keras.ops.mean(windows**2, axis=0, keepdims=True)
    return windows / keras.ops.sqrt(mean_square)


def _uniform(units: int, low: float, high: float) -> keras.KerasTensor:
    return keras.initializers.RandomUniform(low, high)((1, units))
