"""What the exported model says of the test split, and what is worth a look in it."""

from pathlib import Path

import attrs
import numpy as np
import tensorflow as tf

from components.examples import read_examples
from components.features import PROBABILITIES
from components.image_spec import ImageSpec
from components.plain_paths import plain_path

_BATCH = 2000


@attrs.frozen(eq=False)
class Predictions:
    """Images and what a model says of them.

    Attributes:
      images: uint8 [n, height, width].
      labels: int64 [n].
      probabilities: float32 [n, classes].
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class, int64 [n]."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable class, float32 [n]."""
        return self.probabilities.max(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """Whether the most probable class is the label, bool [n]."""
        return self.predicted == self.labels


def predict(spec: ImageSpec, split: Path, model: Path) -> Predictions:
    """Classifies a split with plain TensorFlow.

    Args:
      spec: what each record holds.
      split: folder of gzip TFRecords in the record layout.
      model: a SavedModel with the signature ``predict_pixels``.

    Raises:
      ValueError: the split holds no record.
      tf.errors.OpError: a file is damaged.
      OSError: there is no SavedModel.
    """
    images, labels = read_examples(spec, [f"{split}/*"])
    images = images.reshape(-1, *spec.size)
    # The signature belongs to the loaded object and dies with it.
    with plain_path(model) as folder:
        exported = tf.saved_model.load(folder)
    classify = exported.signatures["predict_pixels"]
    answers = [
        classify(pixels=tf.constant(images[start : start + _BATCH]))[PROBABILITIES]
        for start in range(0, len(images), _BATCH)
    ]
    return Predictions(images, labels, tf.concat(answers, axis=0).numpy())


def confident_mistakes(predictions: Predictions, count: int) -> np.ndarray:
    """Returns up to ``count`` indices of mistakes, most confident first, int64."""
    wrong = np.flatnonzero(~predictions.correct)
    order = np.argsort(-predictions.confidence[wrong], kind="stable")
    return wrong[order[:count]]


def first_of_each_class(predictions: Predictions) -> np.ndarray:
    """Returns the index of the first image of each class that there is, int64."""
    return np.unique(predictions.labels, return_index=True)[1]
