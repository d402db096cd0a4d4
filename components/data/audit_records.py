"""The records that DataAudit looks at: all of a small split, a part of a large one."""

from collections.abc import Sequence

import attrs
import numpy as np
import tensorflow as tf

from components.examples import matching_files, without_autotuning
from components.features import IMAGE, LABEL
from components.image_spec import ImageSpec

# So many records of a split, so that neither time nor memory grows with the data.
MOST_RECORDS = 60_000
_BATCH = 1024


@attrs.frozen(eq=False)
class Records:
    """Records of one split, with where each of them is.

    Attributes:
      images: uint8 [n, h, w], grey.
      labels: int64 [n].
      files: of the split, sorted.
      file: int64 [n], the position of each record's file in ``files``.
      number: int64 [n], of the record in its file, from 0.
      total: records of the split, also those that were left out.
    """

    images: np.ndarray
    labels: np.ndarray
    files: tuple[str, ...]
    file: np.ndarray
    number: np.ndarray
    total: int


def read_records(
    patterns: Sequence[str], spec: ImageSpec, most: int = MOST_RECORDS
) -> Records:
    """Reads a split, or every k-th record of one that is too large.

    Args:
      patterns: of gzip TFRecords of Examples.
      spec: the layout of a record.
      most: records that are kept.

    Raises:
      tf.errors.OpError: a file is damaged, or a record not in the layout.
      ValueError: a label is none of the classes.
    """
    files = matching_files(patterns)
    counts = [_count(file) for file in files]
    step = max(-(-sum(counts) // most), 1)
    images, labels, place, number = [], [], [], []
    first = 0
    for position, (file, count) in enumerate(zip(files, counts, strict=True)):
        wanted = np.arange(-first % step, count, step)
        pixels, found = _read(file, spec, wanted, step)
        images.append(pixels)
        labels.append(found)
        place.append(np.full(len(found), position))
        number.append(wanted)
        first += count
    all_labels = np.concatenate([np.empty(0, np.int64), *labels])
    if ((all_labels < 0) | (all_labels >= spec.classes)).any():
        raise ValueError(f"Expected labels in 0..{spec.classes - 1}.")
    return Records(
        np.concatenate([np.empty((0, *spec.size), np.uint8), *images]),
        all_labels,
        files,
        np.concatenate([np.empty(0, np.int64), *place]),
        np.concatenate([np.empty(0, np.int64), *number]),
        sum(counts),
    )


def _dataset(file: str) -> tf.data.Dataset:
    return without_autotuning(tf.data.TFRecordDataset(file, compression_type="GZIP"))


def _count(file: str) -> int:
    batches = _dataset(file).batch(_BATCH)
    return int(batches.reduce(np.int64(0), lambda n, b: n + tf.size(b, tf.int64)))


def _read(
    file: str, spec: ImageSpec, wanted: np.ndarray, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Reads every ``step``-th record of a file from the first that is wanted."""
    features = {
        IMAGE: tf.io.FixedLenFeature([spec.pixels], tf.int64),
        LABEL: tf.io.FixedLenFeature([1], tf.int64),
    }

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = tf.io.parse_example(serialized, features)
        return tf.cast(found[IMAGE], tf.uint8), found[LABEL][:, 0]

    images = np.empty((len(wanted), *spec.size), np.uint8)
    labels = np.empty(len(wanted), np.int64)
    if not len(wanted):
        return images, labels
    records = _dataset(file).skip(int(wanted[0]))
    if step > 1:
        records = records.shard(step, 0)
    batches = records.batch(_BATCH).map(parse, num_parallel_calls=2).prefetch(2)
    start = 0
    for pixels, found in batches.as_numpy_iterator():
        stop = start + len(found)
        images[start:stop] = pixels.reshape(-1, *spec.size)
        labels[start:stop] = found
        start = stop
    return images, labels
