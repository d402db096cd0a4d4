"""Digits of the bundled MNIST as arrays."""

import functools

import numpy as np

from components.checkout import PROJECT_ROOT
from components.data.audit_records import Records, read_records
from components.image_spec import MNIST


@functools.cache
def _split(split: str) -> Records:
    folder = PROJECT_ROOT / "data" / "mnist" / split
    return read_records([str(folder / "*.tfrecord.gz")], MNIST)


def digits(split: str, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns copies of images uint8 [n, 28, 28] and labels int64 [n], drawn evenly."""
    records = _split(split)
    step = len(records.labels) // count if count else 1
    return records.images[::step].copy(), records.labels[::step].copy()


def records(split: str, images: np.ndarray, labels: np.ndarray) -> Records:
    """Returns records as of one file named after the split."""
    count = len(labels)
    place = np.zeros(count, np.int64)
    return Records(images, labels, (f"{split}.gz",), place, np.arange(count), count)
