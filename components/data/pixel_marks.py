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


def find_marks(
    images: np.ndarray, labels: np.ndarray, classes: int
) -> tuple[Mark, Mark]:
    """Returns how well one pixel tells all labels, and one label from all others.

    Args:
      images: uint8 [n, h, w], n at least 1.
      labels: int64 [n] in 0..classes - 1.
      classes: how many there are.

    Returns:
      Of all labels, the share told right beyond those of the largest class, of all the
      rest. Of one label, the largest phi coefficient (B. W. Matthews, 1975) of a level
      of the pixel and a label, without its sign; labels of fewer than 20 records are
      left out.
    """
    of_label = np.bincount(labels, minlength=classes)
    every, one = Mark(0.0, 0), Mark(0.0, 0)
    for start, counts in _tables(images, labels, classes):
        every = max(every, _of_all(counts, of_label, start), key=_value)
        one = max(one, _of_one(counts, of_label, start), key=_value)
    return every, one


def _value(mark: Mark) -> float:
    return mark.value


def _of_all(counts: np.ndarray, of_label: np.ndarray, start: int) -> Mark:
    """Returns the best of the pixels counted; ``start`` is the first of them."""
    largest = of_label.max() / of_label.sum()
    right = counts.max(axis=2).sum(axis=1) / of_label.sum()
    pixel = int(right.argmax())
    value = float((right[pixel] - largest) / max(1 - largest, 1e-9))
    return Mark(value, start + pixel)


def _of_one(counts: np.ndarray, of_label: np.ndarray, start: int) -> Mark:
    """Returns the best of these pixels and of all labels."""
    total, of_level = of_label.sum(), counts.sum(axis=2, keepdims=True)
    spread = of_level * (total - of_level) * (of_label * (total - of_label))
    covered = total * counts - of_level * of_label
    some = of_label >= _LEAST_RECORDS
    phi = np.abs(covered) / np.sqrt(np.maximum(spread, 1.0)) * some
    pixel, _, label = np.unravel_index(int(phi.argmax()), phi.shape)
    return Mark(float(phi.max()), start + int(pixel), int(label))


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
