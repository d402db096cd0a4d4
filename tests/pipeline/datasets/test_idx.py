"""Every spelling of IDX gives the same values, every fault its own message."""

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.errors import DatasetError
from pipeline.datasets import idx, idx_source
from pipeline.datasets.findings import Findings
from tests.pipeline.datasets.idx_splits import read_splits

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"


def read_all(folder: Path, val_count: int = 7) -> dict[str, list]:
    splits = read_splits(folder, val_count)
    return {split.name: list(split.examples) for split in splits}


def replace(path: Path, old: bytes, start: int) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:start] + old + data[start + len(old) :])


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_splits_hold_every_item_in_order(
    write_idx: Callable, train_items, test_items, separator: str, suffix: str
):
    splits = read_all(write_idx(separator, suffix))
    assert [(name, len(items)) for name, items in splits.items()] == [
        ("train", 23),
        ("val", 7),
        ("test", 12),
    ]
    for items, (pixels, labels) in (
        (splits["train"] + splits["val"], train_items),
        (splits["test"], test_items),
    ):
        np.testing.assert_array_equal([item[0] for item in items], pixels)
        assert [item[1] for item in items] == labels.tolist()


def test_batches_join_without_a_seam(idx_folder: Path, train_items, monkeypatch):
    monkeypatch.setattr(idx, "BATCH_SIZE", 8)
    pair = idx_source.open_pair(idx_folder, "train")
    examples = list(idx_source.read_examples(pair, Findings()))
    np.testing.assert_array_equal([pixels for pixels, _ in examples], train_items[0])


def test_splits_have_their_counts(idx_folder: Path):
    splits = read_splits(idx_folder, 29)
    assert [split.count for split in splits] == [1, 29, 12]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6])


FAULTS = {
    "missing": (
        TRAIN_LABELS,
        Path.unlink,
        "idx: expected train-labels-idx1-ubyte (or train-labels-idx1-ubyte.gz, "
        "train-labels.idx1-ubyte, train-labels.idx1-ubyte.gz), received none of them. "
        "Put the four IDX files into this folder under these names.",
    ),
    "truncated images": (
        TRAIN_IMAGES,
        truncate,
        f"{TRAIN_IMAGES}: truncated, expected 30 items by its header, "
        "received 29. Fetch the file again.",
    ),
    "truncated labels": (
        TRAIN_LABELS,
        truncate,
        f"{TRAIN_LABELS}: truncated, expected 30 items by its header, "
        "received 29. Fetch the file again.",
    ),
    "truncated header": (
        TRAIN_IMAGES,
        cut_header,
        f"{TRAIN_IMAGES}: truncated, expected a header of 16 bytes, received 6. "
        "Fetch the file again.",
    ),
    "trailing images": (
        TRAIN_IMAGES,
        append,
        f"{TRAIN_IMAGES}: expected the file to end after 30 items as its header "
        "says, received trailing bytes. Fetch the file again.",
    ),
    "trailing labels": (
        "t10k-labels-idx1-ubyte",
        append,
        "t10k-labels-idx1-ubyte: expected the file to end after 12 items as its "
        "header says, received trailing bytes. Fetch the file again.",
    ),
    "labels where images belong": (
        TRAIN_IMAGES,
        lambda path: replace(path, struct.pack(">I", 0x801), 0),
        f"{TRAIN_IMAGES}: expected magic number 0x00000803 (IDX images), received "
        "0x00000801. Check that this is an IDX file of images.",
    ),
    "images where labels belong": (
        TRAIN_LABELS,
        lambda path: replace(path, struct.pack(">I", 0x803), 0),
        f"{TRAIN_LABELS}: expected magic number 0x00000801 (IDX labels), received "
        "0x00000803. Check that this is an IDX file of labels.",
    ),
    "counts": (
        TRAIN_LABELS,
        lambda path: replace(path, struct.pack(">I", 29), 4),
        f"{TRAIN_LABELS}: expected 30 labels, one for each image in {TRAIN_IMAGES}, "
        "received 29. Use the two files of one set.",
    ),
    "label": (
        TRAIN_LABELS,
        lambda path: replace(path, b"\x0a", 8 + 17),
        f"{TRAIN_LABELS}: label 17 (from 0): expected labels in 0..9, since exactly 10 "
        "classes are supported. Received: 11 different labels, from 0 to 10; 1 of 42 "
        "examples have one outside, this one is the first. Correct the labels, convert "
        "a data set of 10 classes, or leave out with --skip-bad what cannot be used.",
    ),
    "absurd dimensions": (
        TRAIN_IMAGES,
        lambda path: replace(path, struct.pack(">2I", 1 << 31, 28), 8),
        f"{TRAIN_IMAGES}: expected items of at most 65,536 bytes, received a header of "
        "2147483648x28 values each. Fetch the file again.",
    ),
    "a page": (
        TRAIN_IMAGES,
        lambda path: path.write_bytes(b"<!DOCTYPE html><html>404"),
        f"{TRAIN_IMAGES}: expected magic number 0x00000803 (IDX images), received "
        "0x3c21444f, an HTML page, as failed downloads leave. Check that this is an "
        "IDX file of images.",
    ),
}


@pytest.mark.parametrize(("name", "spoil", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named(idx_folder: Path, name: str, spoil: Callable, message: str):
    spoil(idx_folder / name)
    with pytest.raises(DatasetError, match=re.escape(message) + "$"):
        read_all(idx_folder)


def test_label_number_counts_across_batches(idx_folder: Path, monkeypatch):
    monkeypatch.setattr(idx, "BATCH_SIZE", 8)
    replace(idx_folder / TRAIN_LABELS, b"\xff", 8 + 17)
    with pytest.raises(DatasetError, match=r"label 17 \(from 0\).*from 0 to 255"):
        read_all(idx_folder)


def test_no_item_at_all_is_refused(idx_folder: Path):
    header = struct.pack(">4I", 0x803, 0, 28, 28)
    (idx_folder / "t10k-images-idx3-ubyte").write_bytes(header)
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 0))
    with pytest.raises(DatasetError, match="expected at least one image, received"):
        read_all(idx_folder)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(bytes(30))[:-9], "ended before the end-of-stream marker"),
        (gzip.compress(bytes(99))[:10] + b"\xff" * 40, "Error -3"),
    ],
    ids=["cut short", "garbled"],
)
def test_damaged_gzip_is_named(write_idx: Callable, content: bytes, reason: str):
    folder = write_idx("-", ".gz")
    # The images: read while the labels file is open too, which must not be blamed.
    (folder / f"{TRAIN_IMAGES}.gz").write_bytes(content)
    message = rf"{TRAIN_IMAGES}\.gz: expected gzip data, received a damaged file \(.*"
    with pytest.raises(DatasetError, match=message + reason):
        read_all(folder)


def test_gzip_damaged_after_its_header_is_named(write_idx: Callable):
    folder = write_idx("-", ".gz")
    path = folder / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(DatasetError, match=rf"{TRAIN_IMAGES}\.gz: expected gzip data"):
        read_all(folder)


@pytest.mark.parametrize("val_count", [0, 30, 31])
def test_val_must_leave_both_splits_something(idx_folder: Path, val_count: int):
    message = (
        f"{TRAIN_IMAGES}: expected a split val of 1 to 29 of the 30 images, "
        f"received {val_count}. Give a smaller --val."
    )
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_splits(idx_folder, val_count)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="nowhere: expected a folder with the four"):
        read_splits(tmp_path / "nowhere", 7)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_gzip_is_told_by_the_first_bytes(write_idx: Callable, train_items, suffix):
    """Browsers unpack files and keep their names, and pack them and do not say so."""
    folder = write_idx("-", suffix)
    for path in folder.iterdir():
        data = path.read_bytes()
        path.write_bytes(gzip.decompress(data) if suffix else gzip.compress(data))

    items = read_all(folder)["train"]
    np.testing.assert_array_equal([item[0] for item in items], train_items[0][:23])
    assert idx.count_images(folder / f"{TRAIN_IMAGES}{suffix}") == 30


def test_other_sizes_are_fitted_and_counted(idx_folder: Path):
    header = struct.pack(">4I", 0x803, 30, 56, 14)
    images = (np.arange(30)[:, None, None] + np.zeros((1, 56, 14))).astype(np.uint8)
    (idx_folder / TRAIN_IMAGES).write_bytes(header + images.tobytes())
    source = idx_source.read_source(idx_folder)

    examples = list(source.splits["train"].examples)
    assert all((pixels == i).all() for i, (pixels, _) in enumerate(examples))
    assert source.findings.sizes == {(14, 56): 30}


def test_qmnist_is_read(tmp_path: Path, train_items):
    """Its labels are int32 of eight columns, of which the first is the class."""
    pixels, labels = train_items
    wide = np.arange(1000, 1240).reshape(30, 8)
    wide[:, 0] = labels
    for split in ("train", "test"):
        images = struct.pack(">4I", 0x803, 30, 28, 28) + pixels.tobytes()
        (tmp_path / f"qmnist-{split}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(images)
        )
        (tmp_path / f"qmnist-{split}-labels-idx2-int").write_bytes(
            struct.pack(">3I", 0xC02, 30, 8) + wide.astype(">i4").tobytes()
        )
    source = idx_source.read_source(tmp_path)

    for split in source.splits.values():
        examples = list(split.examples)
        np.testing.assert_array_equal([pixels for pixels, _ in examples], pixels)
        assert [label for _, label in examples] == labels.tolist()


def test_two_data_sets_in_one_folder_are_refused(idx_folder: Path):
    for name in ("images-idx3", "labels-idx1"):
        (idx_folder / f"emnist-letters-train-{name}-ubyte").touch()
        (idx_folder / f"emnist-mnist-train-{name}-ubyte").touch()

    with pytest.raises(DatasetError, match=r"those of , emnist-letters, emnist-mnist"):
        idx_source.read_source(idx_folder)


def test_26_classes_are_refused_with_what_is_supported(idx_folder: Path):
    letters = bytes(1 + number % 26 for number in range(30))
    path = idx_folder / TRAIN_LABELS
    path.write_bytes(path.read_bytes()[:8] + letters)

    with pytest.raises(DatasetError) as caught:
        read_all(idx_folder)
    assert (
        "label 9 (from 0): expected labels in 0..9, since exactly 10 classes are "
        "supported. Received: 27 different labels, from 0 to 26; 17 of 42 examples"
    ) in str(caught.value)
