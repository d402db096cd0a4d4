"""The preprocessing graph: what Transform analyses and serving applies again."""

import tensorflow as tf

from components.features import IMAGE, LABEL, MAX_PIXEL, NUM_CLASSES


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Normalizes the pixels and one-hot encodes the label.

    Args:
      inputs: ``image`` int64 [n, 784] in 0..255 and ``label`` int64 [n, 1] in 0..9.

    Returns:
      ``image`` float32 [n, 784] in [0, 1] and ``label`` float32 [n, 10].
    """
    return {
        IMAGE: tf.cast(inputs[IMAGE], tf.float32) / MAX_PIXEL,
        LABEL: tf.one_hot(tf.squeeze(inputs[LABEL], axis=1), NUM_CLASSES),
    }
