"""What a model says to images; DataAudit and ``data suspects`` ask it alike."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from components.features import PROBABILITIES

_BATCH = 2048


def probabilities(
    predict: Callable[..., Mapping[str, tf.Tensor]], images: np.ndarray
) -> np.ndarray:
    """Asks a model, a batch at a time.

    Args:
      predict: its signature ``predict_pixels``.
      images: uint8 [n, h, w], n at least 1.

    Returns:
      float32 [n, classes].

    Raises:
      tf.errors.OpError: it takes other images.
      ValueError: likewise.
    """
    return np.concatenate(
        [
            predict(pixels=tf.constant(images[start : start + _BATCH]))[
                PROBABILITIES
            ].numpy()
            for start in range(0, len(images), _BATCH)
        ]
    )
