"""The records that DataAudit looks at: a random sample where a split is large."""

from collections.abc import Sequence

import attrs
import numpy as np
import tensorflow as tf

from components.examples import feature_spec, matching_files, without_autotuning
from components.features import IMAGE, LABEL
from components.image_spec import ImageSpec

# Of a split, so that neither time nor memory grows with the data.
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
    patterns: Sequence[str],
    spec: ImageSpec,
    total: int | None = None,
    most: int = MOST_RECORDS,
) -> Records:
    """Reads a split, or a random sample of one that is too large.

    Others are not parsed. It is never every k-th record: where labels take turns, that
    would leave some out.

    Args:
      patterns: of gzip TFRecords of Examples.
      spec: the layout of a record.
      total: how many records there are; None counts them.
      most: records that are kept.

    Raises:
      tf.errors.OpError: a file is damaged, or a record not in the layout.
      ValueError: a label is none of the classes.
    """
    files = matching_files(patterns)
    total = count_records(patterns) if total is None else total
    size = min(total, most)
    images = np.empty((size, spec.pixels), np.uint8)
    labels, file, number = np.empty((3, size), np.int64)
    start = 0
    for part in _sample(files, spec, max(-(-total // most), 1)).as_numpy_iterator():
        own = slice(start, start + len(part[0]))
        for array, values in zip((images, labels, file, number), part, strict=True):
            array[own] = values[: size - start]
        start = min(own.stop, size)
        if start == size:
            break
    images, labels = images[:start].reshape(-1, *spec.size), labels[:start]
    if ((labels < 0) | (labels >= spec.classes)).any():
        raise ValueError(f"Expected labels in 0..{spec.classes - 1}.")
    return Records(images, labels, files, file[:start], number[:start], total)


def count_records(patterns: Sequence[str]) -> int:
    """Counts records without parsing them.

    Args:
      patterns: of gzip TFRecords.

    Raises:
      tf.errors.OpError: a file is damaged.
    """
    batches = _records(list(matching_files(patterns))).batch(_BATCH)
    return int(batches.reduce(np.int64(0), lambda n, b: n + tf.size(b, tf.int64)))


def _records(files: Sequence[str] | tf.Tensor) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def _sample(files: Sequence[str], spec: ImageSpec, step: int) -> tf.data.Dataset:
    """One of ``step`` records: batches of pixels, labels, files and record numbers.

    The same ones whenever it is read.
    """

    def batches(file: tf.Tensor, name: tf.Tensor) -> tf.data.Dataset:
        found = _records(name).batch(_BATCH).enumerate()
        return found.map(lambda batch, records: (file, batch, records))

    def parse(file: tf.Tensor, batch: tf.Tensor, records: tf.Tensor) -> tuple:
        draw = tf.random.stateless_uniform(tf.shape(records), [file, batch])
        chosen = tf.where(draw * step < 1)[:, 0]
        found = tf.io.parse_example(tf.gather(records, chosen), feature_spec(spec))
        pixels, labels = tf.cast(found[IMAGE], tf.uint8), found[LABEL][:, 0]
        return pixels, labels, tf.fill(tf.shape(labels), file), batch * _BATCH + chosen

    names = tf.data.Dataset.from_tensor_slices(tf.constant(files, tf.string))
    parsed = (
        names.enumerate().flat_map(batches).map(parse, num_parallel_calls=2).prefetch(2)
    )
    return without_autotuning(parsed)
