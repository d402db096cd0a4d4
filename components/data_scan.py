"""One Beam pass over the examples that counts what DataGate holds to bounds."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import apache_beam as beam
import numpy as np
import tensorflow as tf

from components.data_statistics import (
    DataStatistics,
    SplitStatistics,
    total,
    write_statistics,
)
from components.examples import FEATURE_SPEC, untuned
from components.features import (
    IMAGE,
    LABEL,
    MAX_PIXEL,
    NUM_CLASSES,
    PIXELS,
    SPLITS,
)

# One record in 18 bytes: 128 bits of its image's hash, where it is, what it says.
DIGESTS = np.dtype([("hash", "u8", 2), ("split", "u1"), ("label", "u1")])
# 70,000 records make buckets of 20 kB; a hundred million, of 28 MB.
BUCKETS = 64

# Of any length, as a record may have them that is not in the layout.
_FEATURES = {
    IMAGE: tf.io.RaggedFeature(tf.int64),
    LABEL: tf.io.RaggedFeature(tf.int64),
}
_BATCH = 1024
_FLUSH = 65_536
_DIGESTS_TAG = "digests"

Batch = tuple[np.ndarray, np.ndarray, int]


class ScanExamples(beam.PTransform):
    """Counts the records of files and finds images that recur among them.

    Writes statistics.json. Only arrays go through the shuffle, and each bucket of
    hashes is looked at on its own, so memory does not grow with the data.
    """

    def __init__(self, files: Mapping[str, Sequence[str]], directory: str) -> None:
        """Initializes the transform.

        Args:
          files: by split, paths of gzip TFRecords.
          directory: receives statistics.json.
        """
        super().__init__()
        self._files = [(split, name) for split in files for name in files[split]]
        self._directory = directory

    def expand(self, pbegin):
        scanned = (
            pbegin
            | "Files" >> beam.Create(self._files)
            | "Spread" >> beam.Reshuffle()
            | "Scan" >> beam.ParDo(_ScanFile()).with_outputs(_DIGESTS_TAG, main="parts")
        )
        repeated = (
            scanned[_DIGESTS_TAG]
            | "GroupByBucket" >> beam.GroupByKey()
            | "FindRepeated" >> beam.MapTuple(lambda _, parts: find_repeated(parts))
        )
        return (
            (scanned.parts, repeated)
            | "Parts" >> beam.Flatten()
            | "Total" >> beam.CombineGlobally(total)
            | "Write" >> beam.Map(_write, self._directory)
        )


def _write(statistics: DataStatistics, directory: str) -> None:
    Path(directory).mkdir(parents=True, exist_ok=True)
    write_statistics(directory, statistics)


class _ScanFile(beam.DoFn):
    """(split, file) → its statistics, and its digests by bucket."""

    def process(self, element: tuple[str, str]):
        split, name = element
        statistics, digests, held = SplitStatistics(), [], 0
        for images, labels, malformed in read_batches(name):
            statistics += count(images, labels, malformed)
            digests.append(digest(images, labels, split))
            held += len(images)
            if held >= _FLUSH:
                yield from _by_bucket(np.concatenate(digests))
                digests, held = [], 0
        if digests:
            yield from _by_bucket(np.concatenate(digests))
        yield DataStatistics({split: statistics})


def _by_bucket(digests: np.ndarray) -> Iterator[beam.pvalue.TaggedOutput]:
    buckets = digests["hash"][:, 0] % BUCKETS
    for bucket in np.unique(buckets).tolist():
        part = digests[buckets == bucket]
        yield beam.pvalue.TaggedOutput(_DIGESTS_TAG, (bucket, part))


def read_batches(name: str) -> Iterator[Batch]:
    """Reads a gzip TFRecord of Examples.

    Yields:
      Images uint8 [n, 784], labels int64 [n] in 0..9, and how many other records of
      the batch are not in that layout.
    """
    records = tf.data.TFRecordDataset(name, compression_type="GZIP")
    batches = untuned(records.batch(_BATCH))
    done = 0
    try:
        for features in batches.map(_parse, num_parallel_calls=2).prefetch(2):
            image, label = features[IMAGE].numpy(), features[LABEL].numpy()[:, 0]
            yield _in_range(image, label, len(label))
            done += 1
    except tf.errors.InvalidArgumentError:
        for batch in batches.skip(done):
            yield from _without_other_types(batch)


def _parse(batch: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parses records that are all in the layout.

    Raises:
      tf.errors.InvalidArgumentError: one of them is not.
    """
    return tf.io.parse_example(batch, FEATURE_SPEC)


def _without_other_types(batch: tf.Tensor) -> Iterator[Batch]:
    """Leaves out the records of a type that hides the rest of their batch."""
    try:
        features = tf.io.parse_example(batch, _FEATURES)
    except tf.errors.InvalidArgumentError:
        if len(batch) == 1:
            yield np.empty((0, PIXELS), np.uint8), np.empty(0, np.int64), 1
        else:
            half = len(batch) // 2
            yield from _without_other_types(batch[:half])
            yield from _without_other_types(batch[half:])
    else:
        yield _in_layout(features[IMAGE], features[LABEL])


def _in_layout(image: tf.RaggedTensor, label: tf.RaggedTensor) -> Batch:
    shaped = (image.row_lengths() == PIXELS) & (label.row_lengths() == 1)
    image, label = (tf.ragged.boolean_mask(f, shaped) for f in (image, label))
    pixels = image.flat_values.numpy().reshape(-1, PIXELS)
    return _in_range(pixels, label.flat_values.numpy(), len(shaped))


def _in_range(pixels: np.ndarray, labels: np.ndarray, count: int) -> Batch:
    """Leaves out what no image holds, of int64 [n, 784] and [n] of so many records."""
    inside = (labels >= 0) & (labels < NUM_CLASSES)
    # A row at a time takes several times as long, and is hardly ever needed.
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) > MAX_PIXEL:
        inside &= (pixels.min(1) >= 0) & (pixels.max(1) <= MAX_PIXEL)
    images = pixels.astype(np.uint8)[inside]
    return images, labels[inside], count - int(inside.sum())


def count(images: np.ndarray, labels: np.ndarray, malformed: int) -> SplitStatistics:
    """Counts a batch: images uint8 [n, 784], labels int64 [n], records left out."""
    pixels = np.bincount(images.reshape(-1), minlength=MAX_PIXEL + 1)
    return SplitStatistics(
        examples=len(images),
        malformed=malformed,
        constant=int(_constant(images).sum()),
        labels=tuple(np.bincount(labels, minlength=NUM_CLASSES).tolist()),
        pixels=tuple(pixels.tolist()),
    )


def digest(images: np.ndarray, labels: np.ndarray, split: str) -> np.ndarray:
    """Hashes the images of a batch, uint8 [n, 784], that are not constant.

    Returns:
      ``DIGESTS`` [m], m ≤ n, in the same order.
    """
    varied = ~_constant(images)
    rows = images[varied]
    hashes = b"".join(hashlib.blake2b(row, digest_size=16).digest() for row in rows)
    digests = np.empty(len(rows), DIGESTS)
    digests["hash"] = np.frombuffer(hashes, "u8").reshape(-1, 2)
    digests["split"] = SPLITS.index(split)
    digests["label"] = labels[varied]
    return digests


def _constant(images: np.ndarray) -> np.ndarray:
    return images.min(1) == images.max(1)


def find_repeated(parts: Iterable[np.ndarray]) -> DataStatistics:
    """Finds images in two splits, or with two labels, among digests of one bucket.

    Args:
      parts: arrays of ``DIGESTS`` that hold all records whose hashes agree.
    """
    digests = np.concatenate(list(parts))
    digests = digests[np.lexsort(digests["hash"].T)]
    differ = (digests["hash"][1:] != digests["hash"][:-1]).any(1)
    starts = np.flatnonzero(np.r_[True, differ])
    splits = np.bitwise_or.reduceat(1 << digests["split"].astype(int), starts)
    labels = np.bitwise_or.reduceat(1 << digests["label"].astype(int), starts)

    leakage = {}
    for one, other in combinations(range(len(SPLITS)), 2):
        pair = 1 << one | 1 << other
        leakage[SPLITS[one], SPLITS[other]] = int((splits & pair == pair).sum())
    sets, counts = np.unique(labels[labels & (labels - 1) != 0], return_counts=True)
    conflicts = {
        tuple(digit for digit in range(NUM_CLASSES) if found >> digit & 1): number
        for found, number in zip(sets.tolist(), counts.tolist(), strict=True)
    }
    leakage = {pair: number for pair, number in leakage.items() if number}
    return DataStatistics({}, leakage, conflicts)
