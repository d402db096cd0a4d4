"""A small data set, and lists of its records, for tests of what such lists do."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.data.audit_files import COLUMNS, image_sha256
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard

# Files of each split, as many records of each as said.
SIZES = {"train": (20, 10), "val": (20,), "test": (20,)}
SPLITS = tuple(SIZES)


def image(split: str, record: int) -> np.ndarray:
    """The pixels uint8 [784] of a record, counted through its split."""
    pixels = np.full(784, 10 * SPLITS.index(split), np.uint8)
    pixels[0] = record
    return pixels


def write_data(folder: Path) -> Path:
    """Writes two records of each label into each file, three into train's two."""
    for split, sizes in SIZES.items():
        (folder / split).mkdir(parents=True)
        start = 0
        for index, size in enumerate(sizes):
            records = [
                serialize_example(image(split, start + n), (start + n) % 10)
                for n in range(size)
            ]
            write_shard(folder / split / f"part-{index}.tfrecord.gz", records)
            start += size
    return folder


def row(split: str, record: int, finding: str = "odd", file: str = "") -> list[str]:
    """The cells of a line on a record, counted through its split."""
    index, number = divmod(record, 20)
    return [
        finding,
        split,
        split,
        file or f"part-{index}.tfrecord.gz",
        str(number),
        str(record % 10),
        "0.5",
        "",
        "",
        "",
        image_sha256(image(split, record)),
    ]


def write_list(
    path: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS
) -> Path:
    """Writes a list as DataAudit does."""
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path
