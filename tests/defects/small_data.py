"""Small parts of the bundled MNIST, in the record layout; cases plant defects in them.

The ``quick`` preset trains on the first 4,000 records of ``train``.
"""

from pathlib import Path

import numpy as np

from components.examples import RawExamples, read_examples
from components.image_spec import MNIST
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import read_batches, write_shard
from tests.small_mnist import split_file

SIZES = {"train": 6000, "val": 1000, "test": 2000}


def read_records(data: Path, split: str) -> list[bytes]:
    """Returns every record of a split."""
    return [r for batch in read_batches(split_file(data, split), 1024) for r in batch]


def write_records(data: Path, split: str, records: list[bytes]) -> None:
    """Writes a split."""
    split_file(data, split).parent.mkdir(parents=True, exist_ok=True)
    write_shard(split_file(data, split), records)


def read(data: Path, split: str) -> RawExamples:
    """Returns images uint8 [n, 784] and labels int64 [n] of a split."""
    return read_examples(MNIST, [str(split_file(data, split))])


def write(data: Path, split: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Writes a split: images [n, 784] and labels [n] of any integer type."""
    items = zip(images, labels.tolist(), strict=True)
    write_records(data, split, [serialize_example(*item) for item in items])
