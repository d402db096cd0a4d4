"""What DataGate holds to bounds, counted where StatisticsGen reads the examples.

TFX's own StatisticsGen counts none of it: which images recur, with which labels, in
which splits, and how many records are no image at all.
Ours: counts it in the pass that computes the statistics, since parsing the records
again would take as long as counting.
Gains: checks that no statistics of single features can make.
Go back by leaving out the checks of DataGate that read it; with
``nodes.stock=["StatisticsGen"]`` it is counted in a pass of its own.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from components.data.counts import (
    DataStatistics,
    SplitStatistics,
    total,
    write_statistics,
)
from components.features import (
    IMAGE,
    LABEL,
    MAX_PIXEL,
    SPLITS,
)
from components.image_spec import ImageSpec

# One record in 19 bytes: 128 bits of its image's hash, where it is, what it says.
DIGESTS = np.dtype([("hash", "u8", 2), ("split", "u1"), ("label", "u2")])
# Enough for each bucket of a hundred million records to fit into memory.
BUCKETS = 64

_INTEGERS = (pa.list_(pa.int64()), pa.large_list(pa.int64()))
_FLUSH = 65_536
_DIGESTS_TAG = "digests"

Batch = tuple[np.ndarray, np.ndarray, int]


class ScanBatches(beam.PTransform):
    """Counts the records of batches and finds images that recur among them.

    Takes (split, ``pa.RecordBatch``), of which it leaves out other splits than
    ``SPLITS``, and writes statistics.json. Only arrays go through the shuffle, and each
    bucket of hashes is looked at on its own, so memory does not grow with the data.
    """

    def __init__(self, directory: str, spec: ImageSpec) -> None:
        """Initializes the transform.

        Args:
          directory: receives statistics.json.
          spec: what a record must hold.
        """
        super().__init__()
        self._directory, self._spec = directory, spec

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        scanned = batches | "Scan" >> beam.ParDo(_ScanBatch(self._spec)).with_outputs(
            _DIGESTS_TAG, main="parts"
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
            | "Write" >> beam.Map(lambda it: write_statistics(self._directory, it))
        )


class _ScanBatch(beam.DoFn):
    """(split, batch) → statistics by split, and digests by bucket, of many batches."""

    def __init__(self, spec: ImageSpec) -> None:
        super().__init__()
        self._spec = spec

    def start_bundle(self) -> None:
        self._statistics: dict[str, SplitStatistics] = defaultdict(SplitStatistics)
        self._digests: list[np.ndarray] = []

    def process(
        self, element: tuple[str, pa.RecordBatch]
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        split, batch = element
        if split not in SPLITS:
            return
        images, labels, malformed = read_batch(batch, self._spec)
        self._statistics[split] += count(images, labels, malformed, self._spec.classes)
        self._digests.append(digest(images, labels, split))
        if sum(map(len, self._digests)) >= _FLUSH:
            yield from self._tagged_digests()

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput | WindowedValue]:
        for output in self._tagged_digests():
            yield beam.pvalue.TaggedOutput(output.tag, _in_global_window(output.value))
        yield _in_global_window(DataStatistics(dict(self._statistics)))

    def _tagged_digests(self) -> Iterator[beam.pvalue.TaggedOutput]:
        if self._digests:
            yield from _by_bucket(np.concatenate(self._digests))
            self._digests = []


def _in_global_window(value: object) -> WindowedValue:
    """Wraps what is put out at the end of a bundle, as Beam wants it."""
    window = GlobalWindow()
    return WindowedValue(value, window.max_timestamp(), [window])


def _by_bucket(digests: np.ndarray) -> Iterator[beam.pvalue.TaggedOutput]:
    buckets = digests["hash"][:, 0] % BUCKETS
    for bucket in np.unique(buckets).tolist():
        part = digests[buckets == bucket]
        yield beam.pvalue.TaggedOutput(_DIGESTS_TAG, (bucket, part))


def read_batch(batch: pa.RecordBatch, spec: ImageSpec) -> Batch:
    """Takes the images and labels out of a batch of Examples.

    Returns:
      Images uint8 [n, pixels], labels int64 [n], and how many other records of the
      batch are not in that layout.
    """
    images, labels = _integers(batch, IMAGE), _integers(batch, LABEL)
    if images is None or labels is None:
        nothing = np.empty((0, spec.pixels), np.uint8), np.empty(0, np.int64)
        return *nothing, batch.num_rows
    shaped = pc.and_(_has_length(images, spec.pixels), _has_length(labels, 1))
    if not pc.all(shaped, min_count=0).as_py():
        images, labels = images.filter(shaped), labels.filter(shaped)
    pixels = np.asarray(images.flatten()).reshape(-1, spec.pixels)
    return _in_range(pixels, np.asarray(labels.flatten()), batch.num_rows, spec.classes)


def _integers(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    """Returns a feature, or None where no record has it or it is of another type."""
    index = batch.schema.get_field_index(name)
    if index < 0 or batch.schema.field(index).type not in _INTEGERS:
        return None
    return batch.column(index)


def _has_length(values: pa.Array, length: int) -> pa.Array:
    """Returns which records have this many values of a feature."""
    return pc.fill_null(pc.equal(pc.list_value_length(values), length), False)


def _in_range(pixels: np.ndarray, labels: np.ndarray, rows: int, classes: int) -> Batch:
    """Leaves out what no image holds, of int64 [n, pixels] and [n] of the records."""
    inside = (labels >= 0) & (labels < classes)
    # A row at a time takes several times as long, and is hardly ever needed.
    if pixels.min(initial=0) < 0 or pixels.max(initial=0) > MAX_PIXEL:
        inside &= (pixels.min(1) >= 0) & (pixels.max(1) <= MAX_PIXEL)
    images = pixels.astype(np.uint8)[inside]
    return images, labels[inside], rows - int(inside.sum())


def count(
    images: np.ndarray, labels: np.ndarray, malformed: int, classes: int
) -> SplitStatistics:
    """Counts a batch: images uint8 [n, pixels], labels int64 [n], records left out."""
    pixels = np.bincount(images.reshape(-1), minlength=MAX_PIXEL + 1)
    return SplitStatistics(
        examples=len(images),
        malformed=malformed,
        constant=int(_constant(images).sum()),
        labels=tuple(np.bincount(labels, minlength=classes).tolist()),
        pixels=tuple(pixels.tolist()),
    )


def digest(images: np.ndarray, labels: np.ndarray, split: str) -> np.ndarray:
    """Hashes the images of a batch, uint8 [n, pixels], that are not constant.

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

    leakage: dict[tuple[str, ...], int] = {}
    for one, other in combinations(range(len(SPLITS)), 2):
        pair = 1 << one | 1 << other
        leakage[SPLITS[one], SPLITS[other]] = int((splits & pair == pair).sum())
    conflicts = _conflicts(digests["label"], starts)
    leakage = {pair: number for pair, number in leakage.items() if number}
    return DataStatistics({}, leakage, conflicts)


def _conflicts(labels: np.ndarray, starts: np.ndarray) -> dict[tuple[int, ...], int]:
    """Counts images by their labels, where they have several.

    Args:
      labels: uint16 [n], of records in the order of their images.
      starts: int64 [images], where each image begins.
    """
    several = np.minimum.reduceat(labels, starts) != np.maximum.reduceat(labels, starts)
    ends = np.r_[starts[1:], len(labels)]
    found = zip(starts[several].tolist(), ends[several].tolist(), strict=True)
    return dict(Counter(tuple(np.unique(labels[a:b]).tolist()) for a, b in found))
