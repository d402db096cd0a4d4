"""What is counted for DataGate: additive, so shards and order do not matter.

``scan`` fills these, ``rules`` holds them to bounds, and a verdict keeps
them so that later data can be compared.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import zip_longest
from operator import add
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from components.features import MAX_PIXEL

STATISTICS_FILE = "statistics.json"


@attrs.frozen
class SplitStatistics:
    """Counts over the records of one split, or of a part of it.

    Attributes:
      examples: records in the layout of the schema.
      malformed: records not in the layout; no other count includes them.
      constant: images of one single value.
      labels: examples of each class; empty before the first batch.
      pixels: pixels of each value 0..255.
    """

    examples: int = 0
    malformed: int = 0
    constant: int = 0
    labels: tuple[int, ...] = ()
    pixels: tuple[int, ...] = (0,) * (MAX_PIXEL + 1)

    def __add__(self, other: "SplitStatistics") -> "SplitStatistics":
        return SplitStatistics(
            self.examples + other.examples,
            self.malformed + other.malformed,
            self.constant + other.constant,
            tuple(map(sum, zip_longest(self.labels, other.labels, fillvalue=0))),
            tuple(map(add, self.pixels, other.pixels)),
        )

    @property
    def label_shares(self) -> np.ndarray:
        """Share of each class, float64 [classes]; needs an example."""
        return np.array(self.labels) / sum(self.labels)

    @property
    def pixel_shares(self) -> np.ndarray:
        """Share of each pixel value, float64 [256]; needs an example."""
        return np.array(self.pixels) / sum(self.pixels)

    @property
    def mean(self) -> float:
        """The mean pixel as a share of 255."""
        return float(self.pixel_shares @ np.arange(MAX_PIXEL + 1) / MAX_PIXEL)

    @property
    def ink(self) -> float:
        """Share of pixels above half of 255."""
        return float(self.pixel_shares[(MAX_PIXEL + 1) // 2 :].sum())


@attrs.frozen
class DataStatistics:
    """Counts over all splits, or over a part of the data.

    Attributes:
      splits: by name of the split.
      leakage: distinct images found in both splits of a pair, like ``("train",
        "val")``; pairs without any are left out.
      conflicts: distinct images by the set of labels they carry, where that is more
        than one. Constant images count in neither: they have a check of their own.
    """

    splits: Mapping[str, SplitStatistics] = attrs.field(factory=dict)
    leakage: Mapping[tuple[str, ...], int] = attrs.field(factory=dict)
    conflicts: Mapping[tuple[int, ...], int] = attrs.field(factory=dict)

    def __add__(self, other: "DataStatistics") -> "DataStatistics":
        names = sorted({*self.splits, *other.splits})
        return DataStatistics(
            {name: self.split(name) + other.split(name) for name in names},
            dict(Counter(self.leakage) + Counter(other.leakage)),
            dict(Counter(self.conflicts) + Counter(other.conflicts)),
        )

    def split(self, name: str) -> SplitStatistics:
        """The counts of a split; all zero where it is missing."""
        return self.splits.get(name, SplitStatistics())


def total(parts: Iterable[DataStatistics]) -> DataStatistics:
    """Adds up the statistics of parts of the data."""
    return reduce(add, parts, DataStatistics())


def label_distance(one: SplitStatistics, other: SplitStatistics) -> float:
    """L-infinity distance between two label distributions, in [0, 1]."""
    shares = zip_longest(one.label_shares, other.label_shares, fillvalue=0.0)
    return float(max(abs(a - b) for a, b in shares))


def pixel_divergence(one: SplitStatistics, other: SplitStatistics) -> float:
    """Jensen-Shannon divergence between two distributions of pixel values.

    Base 2, so in [0, 1]: J. Lin, "Divergence measures based on the Shannon
    entropy", IEEE Transactions on Information Theory 37 (1991).
    """
    p, q = one.pixel_shares, other.pixel_shares
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    seen = p > 0
    return float(np.sum(p[seen] * np.log2(p[seen] / q[seen])))


def write_statistics(directory: str | Path, statistics: DataStatistics) -> None:
    """Writes statistics.json: the counts, and for readers what follows from them.

    Makes the directory where there is none.
    """
    content = {
        "splits": {
            name: {**attrs.asdict(split), **_derived(split)}
            for name, split in statistics.splits.items()
        },
        "leakage": [[*key, n] for key, n in sorted(statistics.leakage.items())],
        "conflicts": [[*key, n] for key, n in sorted(statistics.conflicts.items())],
    }
    Path(directory).mkdir(parents=True, exist_ok=True)
    (Path(directory) / STATISTICS_FILE).write_text(
        json.dumps(content) + "\n", encoding="utf-8"
    )


def _derived(split: SplitStatistics) -> dict[str, object]:
    if not split.examples:
        return {}
    shares = split.label_shares.tolist()
    return {"label_shares": shares, "mean": split.mean, "ink": split.ink}


def read_statistics(directory: str | Path) -> DataStatistics:
    """Reads what ``write_statistics`` wrote.

    Raises:
      OSError: the file is gone.
    """
    content = json.loads(
        (Path(directory) / STATISTICS_FILE).read_text(encoding="utf-8")
    )
    splits = {
        name: SplitStatistics(**_as_counted(fields))
        for name, fields in content["splits"].items()
    }
    leakage = {tuple(key): count for *key, count in content["leakage"]}
    conflicts = {tuple(key): count for *key, count in content["conflicts"]}
    return DataStatistics(splits, leakage, conflicts)


def _as_counted(fields: dict[str, Any]) -> dict[str, Any]:
    known = attrs.fields_dict(SplitStatistics)
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in fields.items()
        if key in known
    }
