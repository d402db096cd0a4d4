"""The preprocessing graph: what Transform analyses and serving applies again."""

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components.features import IMAGE, LABEL, MAX_PIXEL


def preprocessing_fn(
    inputs: dict[str, tf.Tensor], custom_config: Mapping[str, Any]
) -> dict[str, tf.Tensor]:
    """Normalizes the pixels and one-hot encodes the label.

    Args:
      inputs: ``image`` int64 [n, ...] in 0..255, of the schema's shape, and ``label``
        int64 [n, 1], classes from 0.
      custom_config: ``classes``, how many there are.

    Returns:
      ``image`` float32 [n, pixels] in [0, 1] and ``label`` float32 [n, classes].
    """
    pixels = math.prod(inputs[IMAGE].shape[1:])
    flat = tf.reshape(inputs[IMAGE], [-1, pixels])
    label = tf.squeeze(inputs[LABEL], axis=1)
    return {
        IMAGE: tf.cast(flat, tf.float32) / MAX_PIXEL,
        LABEL: tf.one_hot(label, custom_config["classes"]),
    }
