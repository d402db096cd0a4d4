"""The first records of the bundled MNIST, for tests that need real digits but few."""

from collections.abc import Mapping
from pathlib import Path

from components.checkout import PROJECT_ROOT
from pipeline.datasets.shards import read_batches, write_shard

BUNDLED = PROJECT_ROOT / "data" / "mnist"


def split_file(data: Path, split: str) -> Path:
    """Returns the one file of a split of a small data set."""
    return data / split / f"{split}.tfrecord.gz"


def write_first_records(data: Path, sizes: Mapping[str, int]) -> None:
    """Writes the first records of each bundled split, so many as the sizes say."""
    for split, size in sizes.items():
        first = min((BUNDLED / split).glob("*.tfrecord.gz"))
        split_file(data, split).parent.mkdir(parents=True, exist_ok=True)
        write_shard(split_file(data, split), next(read_batches(first, size)))
