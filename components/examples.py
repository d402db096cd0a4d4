"""A split of raw examples, in memory or in its files; the Trainer reads both alike."""

import fnmatch
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import attrs
import numpy as np
import tensorflow as tf

from components.features import IMAGE, LABEL
from components.image_spec import ImageSpec

RawExamples = tuple[np.ndarray, np.ndarray]

# Of a decoded example, beside its uint8 pixels.
LABEL_BYTES = 8
_MEGABYTE = 1_000_000
_READ_BATCH = 1024
_FILES_AT_ONCE = 8
# A window, its shuffled copy, the next one being filled, and room to spare.
_WINDOWS_IN_MEMORY = 5

_log = logging.getLogger(__name__)


def without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset with autotuning off; ours name their parallelism.

    The tuner sleeps between its rounds, and the end of an iterator now and then waits
    for it to wake up, with nothing running, at the end of an epoch.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def feature_spec(spec: ImageSpec) -> dict[str, tf.io.FixedLenFeature]:
    """Returns how TensorFlow parses a record."""
    return {
        IMAGE: tf.io.FixedLenFeature([spec.pixels], tf.int64),
        LABEL: tf.io.FixedLenFeature([1], tf.int64),
    }


class Split(Protocol):
    """Raw examples: images uint8 [n, pixels] and labels int64 [n], classes from 0."""

    @property
    def count(self) -> int:
        """How many examples there are."""

    def shuffled(self, batch_size: int, seed: tf.Tensor) -> tf.data.Dataset:
        """Returns all whole batches once, in the order of ``seed``, int64 [2]."""

    def in_order(self, batch_size: int) -> tf.data.Dataset:
        """Returns all batches once; the last one may be smaller."""


def _variable(values: np.ndarray | tf.Tensor | tf.Variable) -> tf.Variable:
    if isinstance(values, tf.Variable):
        return values
    return tf.Variable(values, trainable=False)


@attrs.frozen(eq=False)
class MemorySplit:
    """Examples held in memory, once: in variables, which datasets do not copy.

    TensorFlow copies a tensor when an array is made into one, and again when a dataset
    with functions that capture it is iterated.

    Attributes:
      images: uint8 [n, pixels].
      labels: int64 [n].
    """

    images: tf.Variable = attrs.field(converter=_variable)
    labels: tf.Variable = attrs.field(converter=_variable)

    @classmethod
    def filled(
        cls, spec: ImageSpec, count: int, batches: tf.data.Dataset
    ) -> "MemorySplit":
        """Returns ``count`` examples that come in batches."""
        split = cls(
            tf.zeros([count, spec.pixels], tf.uint8), tf.zeros([count], tf.int64)
        )
        start = 0
        for images, labels in batches:
            place = tf.range(start, start + len(labels))
            split.images.scatter_update(tf.IndexedSlices(images, place))
            split.labels.scatter_update(tf.IndexedSlices(labels, place))
            start += len(labels)
        return split

    @property
    def count(self) -> int:
        """How many examples there are."""
        return int(self.labels.shape[0])

    def shuffled(self, batch_size: int, seed: tf.Tensor) -> tf.data.Dataset:
        """Shuffles an index and gathers whole batches.

        Shuffling single elements takes longer.
        """
        order = tf.random.experimental.stateless_shuffle(tf.range(self.count), seed)
        steps = self.count // batch_size
        index = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        return tf.data.Dataset.from_tensor_slices(index).map(self._gather)

    def in_order(self, batch_size: int) -> tf.data.Dataset:
        """Gathers batch after batch."""
        index = tf.data.Dataset.range(self.count)
        return index.batch(batch_size).map(self._gather)

    def _gather(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.gather(self.images, index), tf.gather(self.labels, index)


@attrs.frozen
class FileSplit:
    """Examples left in their files; memory holds a few windows of them.

    Attributes:
      spec: what each of them holds.
      files: gzip TFRecords of Examples. The order of an epoch is that of shuffled
        files, read several at once, shuffled again within each window; so one large
        file is mixed less well than many small ones.
      count: how many examples they hold; those of a limit, if there is one.
      limit: take this many of the first in file order; 0 takes all.
      window: examples that are shuffled together.
    """

    spec: ImageSpec
    files: tuple[str, ...]
    count: int
    limit: int
    window: int

    def shuffled(self, batch_size: int, seed: tf.Tensor) -> tf.data.Dataset:
        """Shuffles files, mixes them, and shuffles each window of examples."""

        def shuffle_window(index: tf.Tensor, window: RawExamples) -> RawExamples:
            own = tf.random.experimental.stateless_fold_in(seed, index)
            images, labels = window
            count = tf.shape(labels)[0]
            order = tf.random.experimental.stateless_shuffle(tf.range(count), own)
            return tf.gather(images, order), tf.gather(labels, order)

        return (
            _decoded(self.spec, self._mixed_records(seed))
            .rebatch(self.window)
            .enumerate()
            .map(shuffle_window)
            .rebatch(batch_size, drop_remainder=True)
        )

    def in_order(self, batch_size: int) -> tf.data.Dataset:
        """Reads file after file."""
        return _decoded(self.spec, _records(self.files, self.limit)).rebatch(batch_size)

    def _mixed_records(self, seed: tf.Tensor) -> tf.data.Dataset:
        if self.limit:
            return _records(self.files, self.limit)
        names = tf.random.experimental.stateless_shuffle(tf.constant(self.files), seed)
        at_once = min(len(self.files), _FILES_AT_ONCE)
        return tf.data.Dataset.from_tensor_slices(names).interleave(
            lambda name: tf.data.TFRecordDataset(name, compression_type="GZIP"),
            cycle_length=at_once,
            num_parallel_calls=min(2, at_once),
            deterministic=True,
        )


def load_split(
    spec: ImageSpec, name: str, patterns: Sequence[str], limit: int, memory_limit: int
) -> Split:
    """Reads a split into memory, or leaves it in its files when it is too large.

    Args:
      spec: what each record holds.
      name: of the split, for the log.
      patterns: of gzip TFRecord files.
      limit: take this many of the first records; 0 takes all.
      memory_limit: megabytes that the decoded examples may take.

    Raises:
      ValueError: there is no record.
    """
    files = matching_files(patterns)
    count = _count(files, patterns, limit)
    each = spec.pixels + LABEL_BYTES
    size, allowed = count * each, memory_limit * _MEGABYTE
    if size <= allowed:
        _log.info("read %d %s examples into memory", count, name)
        batches = _decoded(spec, _records(files, limit)).prefetch(2)
        return MemorySplit.filled(spec, count, batches)
    _log.info(
        "%d %s examples would take %d MB, train.memory_limit is %d: each epoch reads "
        "them from %d files",
        count,
        name,
        size / _MEGABYTE,
        memory_limit,
        len(files),
    )
    window = max(allowed // (_WINDOWS_IN_MEMORY * each), 1)
    return FileSplit(spec, files, count, limit, window)


def read_examples(
    spec: ImageSpec, patterns: Sequence[str], limit: int = 0
) -> RawExamples:
    """Reads gzip TFRecords of Examples into memory, whatever their size.

    Args:
      spec: what each record holds.
      patterns: paths of gzip TFRecord files, or patterns of them.
      limit: stop after this many records; 0 reads all.

    Returns:
      Images uint8 [n, pixels] and labels int64 [n], classes from 0, in file order.

    Raises:
      ValueError: there is no record.
    """
    files = matching_files(patterns)
    return _read(spec, files, limit, _count(files, patterns, limit))


def matching_files(patterns: Sequence[str]) -> tuple[str, ...]:
    """Returns the files of some patterns, sorted.

    Args:
      patterns: each a folder, taken as it stands though it may hold brackets or stars,
        and a pattern of the names in it.
    """
    return tuple(sorted(file for pattern in patterns for file in _matching(pattern)))


def _matching(pattern: str) -> list[str]:
    folder, wanted = os.path.split(pattern)
    if not tf.io.gfile.isdir(folder or "."):
        return []
    return [
        str(Path(folder, name))
        for name in tf.io.gfile.listdir(folder or ".")
        if name == wanted or fnmatch.fnmatchcase(name, wanted)
    ]


def _read(spec: ImageSpec, files: Sequence[str], limit: int, count: int) -> RawExamples:
    images = np.empty((count, spec.pixels), np.uint8)
    labels = np.empty(count, np.int64)
    start = 0
    batches = _decoded(spec, _records(files, limit)).prefetch(2)
    for image, label in batches.as_numpy_iterator():
        stop = start + len(label)
        images[start:stop], labels[start:stop] = image, label
        start = stop
    return images, labels


def _records(files: Sequence[str], limit: int) -> tf.data.Dataset:
    """Serialized examples in file order."""
    records = without_autotuning(
        tf.data.TFRecordDataset(list(files), compression_type="GZIP")
    )
    return records.take(limit) if limit else records


def _decoded(spec: ImageSpec, records: tf.data.Dataset) -> tf.data.Dataset:
    """Batches of (uint8 [n, pixels], int64 [n]) from serialized examples."""
    wanted = feature_spec(spec)

    def parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.io.parse_example(serialized, wanted)
        return tf.cast(features[IMAGE], tf.uint8), features[LABEL][:, 0]

    return records.batch(_READ_BATCH).map(parse, num_parallel_calls=2)


def _count(files: Sequence[str], patterns: Sequence[str], limit: int) -> int:
    """Counts the records without parsing them.

    Raises:
      ValueError: there is none.
    """
    batches = _records(files, limit).batch(_READ_BATCH)
    count = batches.reduce(np.int64(0), lambda n, batch: n + tf.size(batch, tf.int64))
    if not count:
        raise ValueError(
            f"Expected TFRecord files with at least one Example. "
            f"Received: {list(patterns)}, which hold {len(files)} files and no record."
        )
    return int(count)
