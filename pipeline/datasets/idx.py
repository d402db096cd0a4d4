"""Reads IDX files, the format MNIST and its relatives come in, gzip or not.

Format: http://yann.lecun.com/exdb/mnist/ ; big-endian header, then the values. Whether
a file is gzip is told by its first bytes, whatever its name.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from components.errors import DatasetError
from pipeline.datasets.file_kinds import describe_kind, open_unpacked, read_inner_head
from pipeline.datasets.target import TARGET

IMAGES_MAGIC = 0x00000803  # unsigned bytes, 3 dimensions
LABELS_MAGIC = 0x00000801  # unsigned bytes, 1 dimension
WIDE_LABELS_MAGIC = 0x00000C02  # int32, 2 dimensions: QMNIST's, the class comes first
BATCH_SIZE = 1024
FETCH_AGAIN = "Fetch the file again."
# Of one item, so that a batch has its place in memory: images of 256x256.
_MOST_BYTES = 1 << 16
_TYPES: dict[int, np.dtype[Any]] = {0x08: np.dtype("u1"), 0x0C: np.dtype(">i4")}


@dataclass(frozen=True)
class Header:
    """What an IDX file says of itself: ``shape`` is (items, ...) of ``dtype``."""

    magic: int
    shape: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a value."""
        return _TYPES[self.magic >> 8]

    @property
    def item_size(self) -> int:
        """Bytes of one item."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def holds_images(path: Path) -> bool:
    """Says by its first bytes whether a file, gzip or not, is an IDX of images.

    One that cannot be read is none.
    """
    try:
        return read_inner_head(path).startswith(IMAGES_MAGIC.to_bytes(4, "big"))
    except OSError:
        return False


def count_images(path: Path) -> int:
    """The number of images that a file says it has.

    Raises:
        DatasetError: its header is not that of 28x28 images.
    """
    with open_unpacked(path) as file:
        return _read_image_header(file, path).shape[0]


def read_images(path: Path) -> Iterator[np.ndarray]:
    """Yields all images uint8[n, 28, 28] of a file without its labels, in batches.

    Raises:
        DatasetError: the file is truncated, goes on after its last image, is damaged
            or of another kind.
    """
    with open_unpacked(path) as file:
        yield from read_items(file, path, _read_image_header(file, path))


def _read_image_header(file: BinaryIO, path: Path) -> Header:
    header = read_header(file, path, IMAGES_MAGIC)
    _, height, width = header.shape
    if (height, width) != (TARGET.height, TARGET.width):
        raise DatasetError(
            f"{path}: expected images of {TARGET.height}x{TARGET.width} pixels, "
            f"received {height}x{width}. Resize them to {TARGET.height}x{TARGET.width} "
            "first."
        )
    return header


def read_header(file: BinaryIO, path: Path, *magics: int) -> Header:
    """Reads the start of a file.

    Args:
        file: open, at its start.
        path: named in errors.
        magics: the magic numbers that will do, all of images or all of labels. The
            low byte says how many dimensions there are.

    Raises:
        DatasetError: it is of another kind, cut short or damaged.
    """
    start = _read(file, path, 4)
    [received] = struct.unpack(">I", start) if len(start) == 4 else [None]
    if received is not None and received not in magics:
        what = "images" if IMAGES_MAGIC in magics else "labels"
        kind = describe_kind(read_inner_head(path))
        kind = "" if kind in ("another kind of file", "an IDX file") else f", {kind}"
        raise DatasetError(
            f"{path}: expected magic number 0x{magics[0]:08x} (IDX {what}), received "
            f"0x{received:08x}{kind}. Check that this is an IDX file of {what}."
        )
    magic = received or magics[0]
    size = 4 * (magic & 0xFF)
    rest = _read(file, path, size) if received is not None else b""
    if len(rest) < size:
        raise DatasetError(
            f"{path}: truncated, expected a header of {4 + size} bytes, received "
            f"{len(start) + len(rest)}. {FETCH_AGAIN}"
        )
    header = Header(magic, struct.unpack(f">{size // 4}I", rest))
    if header.item_size > _MOST_BYTES:
        shown = "x".join(map(str, header.shape[1:]))
        raise DatasetError(
            f"{path}: expected items of at most {_MOST_BYTES:,} bytes, received a "
            f"header of {shown} values each. {FETCH_AGAIN}"
        )
    return header


def read_items(file: BinaryIO, path: Path, header: Header) -> Iterator[np.ndarray]:
    """Yields all items [up to 1024, ...], in batches, so that memory does not grow.

    The end of the file is checked before the last batch is yielded.

    Raises:
        DatasetError: the file is truncated, goes on after its last item or is damaged.
    """
    count = header.shape[0]
    for start in range(0, count, BATCH_SIZE):
        stop = min(start + BATCH_SIZE, count)
        expected = (stop - start) * header.item_size
        data = _read(file, path, expected)
        if len(data) < expected:
            raise DatasetError(
                f"{path}: truncated, expected {count:,} items by its header, received "
                f"{start + len(data) // header.item_size:,}. {FETCH_AGAIN}"
            )
        if stop == count and _read(file, path, 1):
            raise DatasetError(
                f"{path}: expected the file to end after {count:,} items as its header "
                f"says, received trailing bytes. {FETCH_AGAIN}"
            )
        shape = (stop - start, *header.shape[1:])
        yield np.frombuffer(data, header.dtype).reshape(shape)


def _read(file: BinaryIO, path: Path, size: int) -> bytes:
    """Up to ``size`` bytes; fewer only at the end of the file."""
    try:
        return file.read(size)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DatasetError(
            f"{path}: expected gzip data, received a damaged file ({error}). "
            f"{FETCH_AGAIN}"
        ) from error
