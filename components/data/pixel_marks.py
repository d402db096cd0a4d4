"""Looks for a pixel that tells the label: a mark that a model would learn instead.

Of every pixel the upper four bits and the lower four bits are looked at by themselves:
a mark may be as faint as a label that was written into a corner.
"""

from collections.abc import Iterator

import attrs
import numpy as np

# Fewer records of a class than that can be told by some pixel by chance.
_LEAST_RECORDS = 20
_LEVELS = 16
# Cells of one table of counts.
_CELLS = 4_000_000
_BATCH = 1024


@attrs.frozen
class Mark:
    """How well the best pixel tells labels.

    Attributes:
      value: 0, no better than a guess, to 1.
      pixel: its index in row-major order.
      label: that it tells from all others; None where it is about all labels.
    """

    value: float
    pixel: int
    label: int | None = None


def mark_of_all(images: np.ndarray, labels: np.ndarray, classes: int) -> Mark:
    """Returns how well one pixel tells all labels.

    Args:
      images: uint8 [n, h, w], n at least 1.
      labels: int64 [n] in 0..classes - 1.
      classes: how many there are.

    Returns:
      The share of labels told right beyond those of the largest class, of all the
      rest.
    """
    largest = np.bincount(labels).max() / len(labels)
    best = Mark(0.0, 0)
    for start, counts in _tables(images, labels, classes):
        right = counts.max(axis=2).sum(axis=1) / len(labels)
        pixel = int(right.argmax())
        value = float((right[pixel] - largest) / max(1 - largest, 1e-9))
        best = max(best, Mark(value, start + pixel), key=lambda mark: mark.value)
    return best


def mark_of_one(images: np.ndarray, labels: np.ndarray, classes: int) -> Mark:
    """Returns how well one pixel tells one label from all others.

    Args:
      images: uint8 [n, h, w], n at least 1.
      labels: int64 [n] in 0..classes - 1.
      classes: how many there are.

    Returns:
      The largest phi coefficient (B. W. Matthews, 1975) of a level of the pixel and a
      label, without its sign; labels of fewer than 20 records are left out.
    """
    total, of_label = len(labels), np.bincount(labels, minlength=classes)
    some = of_label >= _LEAST_RECORDS
    best = Mark(0.0, 0)
    for start, counts in _tables(images, labels, classes):
        of_level = counts.sum(axis=2, keepdims=True)
        spread = of_level * (total - of_level) * (of_label * (total - of_label))
        covered = total * counts - of_level * of_label
        phi = np.abs(covered) / np.sqrt(np.maximum(spread, 1.0)) * some
        pixel, _, label = np.unravel_index(int(phi.argmax()), phi.shape)
        mark = Mark(float(phi.max()), start + int(pixel), int(label))
        best = max(best, mark, key=lambda mark: mark.value)
    return best


def _tables(
    images: np.ndarray, labels: np.ndarray, classes: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields counts, float64 [pixels, levels, classes], and the first of the pixels."""
    flat = images.reshape(len(images), -1)
    width = max(1, _CELLS // (_LEVELS * classes))
    for start in range(0, flat.shape[1], width):
        some = flat[:, start : start + width]
        yield start, _count(some >> 4, labels, classes)
        yield start, _count(some & 15, labels, classes)


def _count(levels: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    shape = levels.shape[1], _LEVELS, classes
    place = np.arange(levels.shape[1]) * _LEVELS * classes
    counts = np.zeros(np.prod(shape), np.int64)
    for start in range(0, len(levels), _BATCH):
        some = slice(start, start + _BATCH)
        cell = levels[some].astype(np.int64) * classes + labels[some, None] + place
        counts += np.bincount(cell.ravel(), minlength=len(counts))
    return counts.reshape(shape).astype(np.float64)
