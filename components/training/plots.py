"""Plots of a training, for its artifact and for TensorBoard."""

import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

from components.features import MAX_PIXEL
from components.hyperparameters import AugmentHyperparameters
from components.image_spec import ImageSpec
from components.training.augment import augment

AUGMENTED_FILE = "augmented.png"
_SCALE = 3
_GAP = 8
_CELL = 40


def augmentation_plot(
    spec: ImageSpec,
    images: np.ndarray,
    settings: AugmentHyperparameters,
    seed: int,
    columns: int = 10,
) -> np.ndarray:
    """Shows each image as it is, and beside it some augmented copies of it.

    Args:
      spec: size of the images.
      images: uint8 [n, pixels].
      settings: of the augmentation.
      seed: of their draws.
      columns: augmented copies of each image.

    Returns:
      uint8 [height, width], an image a row, the original leftmost.
    """
    copies = np.repeat(images, columns, axis=0).astype(np.float32)
    seeds = tf.constant([seed, 0], tf.int64)
    warped = augment(spec, tf.constant(copies), settings, seeds)
    warped = np.rint(warped.numpy()).clip(0, MAX_PIXEL).astype(np.uint8)
    left = _tiles(images.reshape(-1, 1, *spec.size))
    right = _tiles(warped.reshape(-1, columns, *spec.size))
    gap = np.full((len(left), _GAP), MAX_PIXEL, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def _tiles(images: np.ndarray) -> np.ndarray:
    """Lays images [rows, columns, height, width] out as one, enlarged."""
    rows, columns, height, width = images.shape
    whole = images.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    return np.kron(whole, np.ones((_SCALE, _SCALE), np.uint8))


def one_of_each(labels: np.ndarray) -> np.ndarray:
    """Returns where each class comes first, in the order of the classes."""
    return np.unique(labels, return_index=True)[1]


def confusion_plot(counts: np.ndarray) -> np.ndarray:
    """Draws counts, int64 [classes, classes], a row a true class, mistakes in red.

    Returns:
      uint8 [height, width, 3].
    """
    classes = len(counts)
    size = (classes + 1) * _CELL
    plot = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(plot)
    mistakes = np.where(np.eye(classes, dtype=bool), 0, counts)
    worst = max(int(mistakes.max()), 1)
    for (row, column), count in np.ndenumerate(counts):
        left, top = (column + 1) * _CELL, (row + 1) * _CELL
        pale = 255 - 155 * int(mistakes[row, column]) // worst
        draw.rectangle((left, top, left + _CELL, top + _CELL), (255, pale, pale))
        _write(draw, left, top, str(count or ""))
    for label in range(classes):
        _write(draw, (label + 1) * _CELL, 0, str(label))
        _write(draw, 0, (label + 1) * _CELL, str(label))
    _write(draw, 0, 0, "true /\npred")
    return np.asarray(plot)


def _write(draw: ImageDraw.ImageDraw, left: int, top: int, text: str) -> None:
    middle = (left + _CELL / 2, top + _CELL / 2)
    draw.text(middle, text, fill="black", anchor="mm")
