"""When a prediction is uncertain: measured by the Trainer, shipped with the model.

A prediction is unsure below the confidence from which on 99 % are right on the
validation split, and for pixels further from the training data than any of that split.
"""

import math
from typing import NamedTuple

import attrs
import numpy as np
import tensorflow as tf
from scipy.optimize import isotonic_regression

from components.features import MAX_PIXEL, SURE, UNKNOWN

UNSURE, UNLIKE = "unsure", "unlike"
RIGHT = 0.99
# Examples that are measured, of either split.
MOST_EXAMPLES = 10_000
_DIRECTIONS = 64


class Distance(NamedTuple):
    """Gaussians of the classes, of one covariance, in the main directions of pixels.

    The distance of pixels is that of Mahalanobis to the nearest class, squared, plus
    what the directions leave over, which weighs as much on average. See Lee et al.
    2018, "A simple unified framework for detecting out-of-distribution samples".

    Attributes:
      mean: float32 [pixels], of pixels in 0..1.
      directions: float32 [pixels, k], orthonormal.
      whitening: float32 [k, k], of the coordinates along them.
      centres: float32 [classes, k], whitened.
      rest: float32, the mean square that the directions leave over.
    """

    mean: np.ndarray
    directions: np.ndarray
    whitening: np.ndarray
    centres: np.ndarray
    rest: np.ndarray

    def of(self, pixels: tf.Tensor) -> tf.Tensor:
        """Returns the distances, float32 [n], of pixels uint8 [n, pixels]."""
        values = tf.cast(pixels, tf.float32) / MAX_PIXEL - self.mean
        along = values @ self.directions
        left = tf.reduce_sum(values**2, axis=1) - tf.reduce_sum(along**2, axis=1)
        white = along @ self.whitening
        squares = tf.reduce_sum((white[:, None] - self.centres) ** 2, axis=2)
        return tf.reduce_min(squares, axis=1) + len(self.centres[0]) * left / self.rest


def fit_distance(images: np.ndarray, labels: np.ndarray, classes: int) -> Distance:
    """Fits the Gaussians.

    Args:
      images: uint8 [n, pixels] of the training split.
      labels: int64 [n].
      classes: how many there are.
    """
    values = images.astype(np.float32) / MAX_PIXEL
    mean = values.mean(axis=0)
    values -= mean
    directions = np.linalg.eigh(values.T @ values)[1][:, -_DIRECTIONS:]
    along = values @ directions
    left = np.square(values).sum(axis=1) - np.square(along).sum(axis=1)
    present = [along[labels == label] for label in range(classes)]
    # A class without an example is nowhere.
    centres = np.array([one.mean(0) if len(one) else along.mean(0) for one in present])
    within = along - centres[labels]
    covariance = within.T @ within / len(within)
    spread, axes = np.linalg.eigh(covariance)
    # What never varies would be infinitely far after a single grey.
    whitening = axes / np.sqrt(np.maximum(spread, 1e-4))
    rest = np.maximum(left.mean(), 1e-4)
    return Distance(
        mean,
        directions.astype(np.float32),
        whitening.astype(np.float32),
        (centres @ whitening).astype(np.float32),
        np.array(rest, np.float32),
    )


@attrs.frozen
class Bounds:
    """From where on a prediction is trusted.

    Attributes:
      confidence: least probability of the class; None where none was right often
        enough.
      distance: largest distance from the training data.
      examples: how many of the validation split were measured.
      sure: the share of them whose confidence is high enough.
      held_out: whether the network was not trained on them.
    """

    confidence: float | None
    distance: float
    examples: int
    sure: float
    held_out: bool


@attrs.frozen
class Trust:
    """The bounds, and what measures the distance.

    Attributes:
      bounds: of confidence and distance.
      distance: fitted to the training split.
    """

    bounds: Bounds
    distance: Distance


def measure_bounds(
    probabilities: np.ndarray,
    labels: np.ndarray,
    distances: np.ndarray,
    held_out: bool = True,
) -> Bounds:
    """Finds the bounds on the validation split.

    The share of right predictions, as a function of the confidence that never falls
    (isotonic regression), reaches 99 % at the bound, and stays there above it.

    Args:
      probabilities: float32 [n, classes].
      labels: int64 [n].
      distances: float32 [n].
      held_out: whether the network was not trained on these.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    fitted = isotonic_regression(right[order]).x
    enough = confidence[order][fitted >= RIGHT]
    least = float(enough[0]) if len(enough) else None
    sure = float((confidence >= least).mean()) if len(enough) else 0.0
    return Bounds(least, float(distances.max()), len(labels), sure, held_out)


def doubt(
    trust: Trust | None, probabilities: tf.Tensor, pixels: tf.Tensor
) -> tf.Tensor:
    """Says of each prediction whether it is to be trusted.

    Args:
      trust: what was measured, if anything.
      probabilities: float32 [n, classes].
      pixels: uint8 [n, pixels].

    Returns:
      string [n]: ``SURE``, ``UNSURE``, ``UNLIKE`` or ``UNKNOWN``.
    """
    if trust is None:
        return tf.fill([tf.shape(pixels)[0]], UNKNOWN)
    bounds = trust.bounds
    least = math.inf if bounds.confidence is None else bounds.confidence
    unsure = tf.reduce_max(probabilities, axis=1) < least
    unlike = trust.distance.of(pixels) > bounds.distance
    return tf.where(unlike, UNLIKE, tf.where(unsure, UNSURE, SURE))
