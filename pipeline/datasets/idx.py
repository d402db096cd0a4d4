"""Reads and validates IDX files, the format MNIST and its relatives come in.

Format: http://yann.lecun.com/exdb/mnist/ ; big-endian header, then one byte a value.
"""

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from components.classes import DIGITS
from components.errors import DatasetError
from components.features import (
    HEIGHT,
    NUM_CLASSES,
    PIXELS,
    TEST,
    TRAIN,
    WIDTH,
)
from pipeline.datasets.source import Source, SourceSplit, given_class_names

IMAGES_MAGIC = 0x00000803  # unsigned bytes, 3 dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes, 1 dimension
GZIP_MAGIC = b"\x1f\x8b"
BATCH_SIZE = 1024
FETCH_AGAIN = "Fetch the file again."


@dataclass(frozen=True)
class IdxPair:
    """An images file and its labels file, headers read and found to agree."""

    images: Path
    labels: Path
    count: int


def open_pair(folder: Path, stem: str) -> IdxPair:
    """Finds ``<stem>-images`` and ``<stem>-labels`` in a folder and reads the headers.

    Args:
        folder: holds the IDX files, plain or ``.gz``.
        stem: ``train`` or ``t10k``, as in the original file names.

    Raises:
        DatasetError: a file is missing or unreadable, a header is not that of
            28x28 images or of labels, or the two counts differ.
    """
    images = _find(folder, f"{stem}-images", "idx3")
    labels = _find(folder, f"{stem}-labels", "idx1")
    with _open(images) as file:
        image_count = _read_image_header(file, images)
    with _open(labels) as file:
        (label_count,) = _read_header(file, labels, LABELS_MAGIC)
    if image_count != label_count:
        raise DatasetError(
            f"{labels}: expected {image_count:,} labels, one for each image in "
            f"{images.name}, received {label_count:,}. Use the two files of one set."
        )
    if image_count == 0:
        raise DatasetError(
            f"{images}: expected at least one image, received none. {FETCH_AGAIN}"
        )
    return IdxPair(images, labels, image_count)


def read_source(folder: Path, classes_file: Path | None = None) -> Source:
    """The official training and test sets of a folder with the four IDX files.

    Args:
        folder: holds the files under MNIST's names.
        classes_file: the class names; those in ``classes.json`` in the folder unless
            given, else digits.

    Raises:
        DatasetError: as :func:`open_pair`, or the class names will not do.
    """
    return Source(
        classes=given_class_names(folder, classes_file) or DIGITS,
        splits={
            name: SourceSplit(pair.images, pair.count, read_examples(pair))
            for name, pair in (
                (TRAIN, open_pair(folder, "train")),
                (TEST, open_pair(folder, "t10k")),
            )
        },
    )


def read_examples(pair: IdxPair) -> Iterator[tuple[np.ndarray, int]]:
    """Yields every (pixels uint8[784] row-major, label 0..9) in the files' order.

    Reads in batches, so memory does not grow with the files. The ends of both files
    are checked before the last batch is yielded.

    Raises:
        DatasetError: a file is truncated, goes on after its last item or is damaged,
            or a label lies outside 0..9.
    """
    with _open(pair.images) as images, _open(pair.labels) as labels:
        _read_header(images, pair.images, IMAGES_MAGIC)
        _read_header(labels, pair.labels, LABELS_MAGIC)
        for start in range(0, pair.count, BATCH_SIZE):
            stop = min(start + BATCH_SIZE, pair.count)
            batch = _read_items(images, pair.images, start, stop, PIXELS)
            digits = _read_items(labels, pair.labels, start, stop, 1).ravel()
            _check_labels(digits, pair.labels, start)
            if stop == pair.count:
                _check_end(images, pair.images, pair.count)
                _check_end(labels, pair.labels, pair.count)
            yield from zip(batch, digits.tolist(), strict=True)


def holds_images(path: Path) -> bool:
    """Says by its first bytes whether a file, gzip or not, is an IDX of images.

    One that cannot be read is none.
    """
    magic = IMAGES_MAGIC.to_bytes(4, "big")
    try:
        with path.open("rb") as file:
            if file.read(2) != GZIP_MAGIC:
                file.seek(0)
                return file.read(len(magic)) == magic
        with gzip.open(path) as file:
            return file.read(len(magic)) == magic
    except (OSError, zlib.error, EOFError):
        return False


def count_images(path: Path) -> int:
    """The number of images that a file says it has.

    Raises:
        DatasetError: its header is not that of 28x28 images.
    """
    with _open(path) as file:
        return _read_image_header(file, path)


def read_images(path: Path) -> Iterator[np.ndarray]:
    """Yields every image uint8[28, 28] of a file without its labels.

    Raises:
        DatasetError: the file is truncated, goes on after its last image, is damaged
            or of another kind.
    """
    with _open(path) as file:
        count = _read_image_header(file, path)
        for start in range(0, count, BATCH_SIZE):
            stop = min(start + BATCH_SIZE, count)
            yield from _read_items(file, path, start, stop, PIXELS).reshape(
                -1, HEIGHT, WIDTH
            )
        _check_end(file, path, count)


def _read_image_header(file: BinaryIO, path: Path) -> int:
    count, height, width = _read_header(file, path, IMAGES_MAGIC)
    if (height, width) != (HEIGHT, WIDTH):
        raise DatasetError(
            f"{path}: expected images of {HEIGHT}x{WIDTH} pixels, received "
            f"{height}x{width}. Resize them to {HEIGHT}x{WIDTH} first."
        )
    return count


def _find(folder: Path, stem: str, kind: str) -> Path:
    """The first of the customary spellings that exists."""
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected a folder with the four IDX files, received "
            f"{'a file' if folder.exists() else 'nothing there'}. Check --idx."
        )
    names = [
        f"{stem}{separator}{kind}-ubyte{suffix}"
        for separator in "-."
        for suffix in ("", ".gz")
    ]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DatasetError(
        f"{folder}: expected {names[0]} (or {', '.join(names[1:])}), received none "
        "of them. Put the four IDX files into this folder under these names."
    )


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        gzipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    # What is called .gz and is none shall be named as damaged.
    return gzip.open(path) if gzipped or path.suffix == ".gz" else path.open("rb")


def _read(file: BinaryIO, path: Path, size: int) -> bytes:
    """Up to ``size`` bytes; fewer only at the end of the file."""
    try:
        return file.read(size)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DatasetError(
            f"{path}: expected gzip data, received a damaged file ({error}). "
            f"{FETCH_AGAIN}"
        ) from error


def _read_header(file: BinaryIO, path: Path, magic: int) -> tuple[int, ...]:
    """Returns the dimensions; the magic number's low byte says how many."""
    size = 4 * (1 + (magic & 0xFF))
    header = _read(file, path, size)
    if len(header) < size:
        raise DatasetError(
            f"{path}: truncated, expected a header of {size} bytes, received "
            f"{len(header)}. {FETCH_AGAIN}"
        )
    received, *dimensions = struct.unpack(f">{size // 4}I", header)
    if received != magic:
        what = "images" if magic == IMAGES_MAGIC else "labels"
        raise DatasetError(
            f"{path}: expected magic number 0x{magic:08x} (IDX {what}), received "
            f"0x{received:08x}. Check that this is an IDX file of {what}."
        )
    return tuple(dimensions)


def _read_items(
    file: BinaryIO, path: Path, start: int, stop: int, item_size: int
) -> np.ndarray:
    """Reads items [start, stop) as uint8[stop - start, item_size]."""
    expected = (stop - start) * item_size
    data = _read(file, path, expected)
    if len(data) < expected:
        raise DatasetError(
            f"{path}: truncated, expected at least {stop:,} items by its header, "
            f"received {start + len(data) // item_size:,}. {FETCH_AGAIN}"
        )
    return np.frombuffer(data, np.uint8).reshape(stop - start, item_size)


def _check_labels(digits: np.ndarray, path: Path, start: int) -> None:
    outside = np.flatnonzero(digits >= NUM_CLASSES)
    if outside.size:
        first = int(outside[0])
        raise DatasetError(
            f"{path}: expected labels in 0..{NUM_CLASSES - 1}, received "
            f"{digits[first]} as label number {start + first:,} (from 0). "
            "Remove or correct that item in both files."
        )


def _check_end(file: BinaryIO, path: Path, count: int) -> None:
    if _read(file, path, 1):
        raise DatasetError(
            f"{path}: expected the file to end after {count:,} items as its header "
            f"says, received trailing bytes. {FETCH_AGAIN}"
        )
