"""Small synthetic IDX files (30 and 12 items) and their conversion."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets.convert import write_dataset
from tests.pipeline.datasets.idx_splits import read_splits

Items = tuple[np.ndarray, np.ndarray]


def _make_items(count: int, offset: int) -> Items:
    """Pixels uint8[count, 784] that cover 0..255, labels uint8[count] in 0..9."""
    items = np.arange(count)[:, None]
    pixels = (items * 3 + offset + np.arange(784) * 5) % 256
    labels = (np.arange(count) * 7 + offset) % 10
    return pixels.astype(np.uint8), labels.astype(np.uint8)


@pytest.fixture
def train_items() -> Items:
    return _make_items(30, offset=0)


@pytest.fixture
def test_items() -> Items:
    return _make_items(12, offset=5)


@pytest.fixture
def write_idx(
    tmp_path: Path, train_items: Items, test_items: Items
) -> Callable[[str, str], Path]:
    """Writes the four files in one of the customary spellings; returns the folder."""

    def write(separator: str, suffix: str) -> Path:
        folder = tmp_path / "idx"
        folder.mkdir()
        for stem, (pixels, labels) in {
            "train": train_items,
            "t10k": test_items,
        }.items():
            contents = {
                f"{stem}-images{separator}idx3-ubyte{suffix}": struct.pack(
                    ">4I", 0x803, len(pixels), 28, 28
                )
                + pixels.tobytes(),
                f"{stem}-labels{separator}idx1-ubyte{suffix}": struct.pack(
                    ">2I", 0x801, len(labels)
                )
                + labels.tobytes(),
            }
            for name, data in contents.items():
                (folder / name).write_bytes(gzip.compress(data) if suffix else data)
        return folder

    return write


@pytest.fixture
def idx_folder(write_idx: Callable[[str, str], Path]) -> Path:
    """The four plain files under their original names."""
    return write_idx("-", "")


@pytest.fixture
def converted(idx_folder: Path, tmp_path: Path) -> Path:
    """A data folder of 23, 7 and 12 records in shards of at most 10."""
    out = tmp_path / "converted"
    write_dataset(read_splits(idx_folder, 7), out, lambda _: None, 10)
    return out
