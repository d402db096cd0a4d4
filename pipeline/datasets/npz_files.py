"""Reads NumPy's .npz and .npy files, a block of rows at a time, never a pickle.

Arrays are told by their names: Keras's ``x_train`` and ``y_train``, plain ``x`` and
``y``, MedMNIST's ``train_images`` and ``train_labels``, and the like.
"""

import re
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from components.classes import DIGITS
from components.errors import DatasetError
from components.features import TRAIN
from pipeline.datasets.arrays import BLOCK, PixelBlocks
from pipeline.datasets.file_kinds import describe_kind, read_head
from pipeline.datasets.findings import Findings, some
from pipeline.datasets.folders import Walker
from pipeline.datasets.source import Examples, Source, SourceSplit, given_class_names
from pipeline.datasets.split_files import split_of

_IMAGES = ("x", "image", "images", "img", "imgs", "data", "pixels")
_LABELS = ("y", "label", "labels", "target", "targets")
_SUFFIXES = (".npz", ".npy")
_NAMES = "x_train, y_train, x_test and y_test, or x and y"
# zipfile seeks where a damaged directory sends it; NumPy parses a header as Python.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, MemoryError),
    *(ValueError, SyntaxError, TypeError, OverflowError, tokenize.TokenError),
)


@dataclass(frozen=True)
class _Array:
    """An array in a file, its header read.

    ``member`` is its name in a .npz file, None in a .npy file.
    """

    file: Path
    member: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    def __str__(self) -> str:
        name = (self.member or "").removesuffix(".npy")
        return f"{self.file}: {name}" if name else str(self.file)


def read_source(path: Path, classes_file: Path | None = None) -> Source:
    """Finds the arrays of each split; they are read when they are taken.

    Args:
        path: a .npz file, or a folder of .npz and .npy files.
        classes_file: the class names; those in ``classes.json`` in the folder unless
            given, else digits.

    Raises:
        DatasetError: there is no such array, one of pickled objects, or images and
            labels differ in number.
    """
    findings = Findings()
    arrays: dict[str, dict[str, list[_Array]]] = {}
    others = []
    for array in _list_arrays(path, findings):
        role, split = _role_and_split(array)
        if role is None:
            others.append(array)
        else:
            arrays.setdefault(split, {}).setdefault(role, []).append(array)
    _check_roles(path, arrays, others)
    names = given_class_names(path, classes_file) or DIGITS
    splits = {}
    for split, roles in arrays.items():
        [images], [labels] = roles["images"], roles["labels"]
        _check_pair(images, labels)
        splits[split] = SourceSplit(
            images.file,
            images.shape[0],
            _read(images, labels, PixelBlocks(str(images), names, findings)),
        )
    for array in others:
        findings.left_out.add(array)
    return Source(classes=names, splits=splits, findings=findings)


def _list_arrays(path: Path, findings: Findings) -> list[_Array]:
    if not path.exists():
        raise DatasetError(
            f"{path}: expected a .npz file or a folder of them, received nothing "
            "there. Check --npz."
        )
    files = [path] if path.is_file() else []
    for file in Walker(findings).files_below(path) if path.is_dir() else ():
        if file.suffix.lower() in _SUFFIXES:
            files.append(file)
        elif file.name != "classes.json":
            findings.left_out.add(file)
    if not files:
        raise DatasetError(
            f"{path}: expected files named .npz or .npy, received none. Check --npz."
        )
    return [array for file in files for array in _arrays_in(file)]


def _arrays_in(file: Path) -> Iterator[_Array]:
    with _explained(file):
        if file.suffix.lower() == ".npy":
            yield _read_header(file, None)
            return
        with zipfile.ZipFile(file) as archive:
            members = archive.namelist()
        for member in members:
            if member.endswith(".npy"):
                yield _read_header(file, member)


def _read_header(file: Path, member: str | None) -> _Array:
    with _open(file, member) as stream:
        version = np.lib.format.read_magic(stream)
        read: Callable[[IO[bytes]], Any] = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
    return _Array(file, member, shape, dtype, fortran)


@contextmanager
def _open(file: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is None:
        with file.open("rb") as stream:
            yield stream
    else:
        with zipfile.ZipFile(file) as archive, archive.open(member) as stream:
            yield stream


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        # Raises once more where the file cannot be read at all.
        kind = describe_kind(read_head(file))
        damaged = kind in ("a ZIP archive", "a NumPy array (.npy)")
        received = f"a damaged file ({error})" if damaged else kind
        raise DatasetError(
            f"{file}: expected a NumPy file, received {received}. Fetch or save it "
            "again."
        ) from error


def _role_and_split(array: _Array) -> tuple[str | None, str]:
    """What an array holds and for which split; (None, ...) where its name says none."""
    name = (array.member or array.file.name).removesuffix(".npy").lower()
    # np.savez without names, as in Kuzushiji-MNIST: the file's name tells.
    if re.fullmatch(r"arr_\d+", name):
        name = array.file.stem.lower()
    words = re.split(r"[^a-z]+", name)
    # Also xtrain and X_train, as trainX.
    words += [part for word in words for part in _parts(word)]
    role = None
    if any(word in _IMAGES for word in words):
        role = "images"
    elif any(word in _LABELS for word in words):
        role = "labels"
    split = split_of(Path(" ".join(words))) or split_of(Path(array.file.name))
    return role, split or TRAIN


def _parts(word: str) -> list[str]:
    """``xtrain`` and ``trainx`` are ``x`` and ``train``."""
    for role in (*_IMAGES, *_LABELS):
        for rest in (word.removeprefix(role), word.removesuffix(role)):
            if rest != word and split_of(Path(rest)):
                return [role, rest]
    return []


def _check_roles(
    path: Path, arrays: dict[str, dict[str, list[_Array]]], others: list[_Array]
) -> None:
    if not arrays:
        raise DatasetError(
            f"{path}: expected arrays named {_NAMES}, received "
            f"{some(others) or 'none'}. Save them under these names."
        )
    for split, roles in arrays.items():
        for role in ("images", "labels"):
            found = roles.get(role, [])
            if len(found) != 1:
                raise DatasetError(
                    f"{path}: expected one array of {role} for {split}, named like "
                    f"{_NAMES}, received {some(found) or 'none'}. Save them under "
                    "these names."
                )
    if TRAIN not in arrays:
        raise DatasetError(
            f"{path}: expected arrays for train, named like {_NAMES}, received those "
            f"for {some(sorted(arrays))} alone. Save them under these names."
        )


def _check_pair(images: _Array, labels: _Array) -> None:
    for array in (images, labels):
        if array.dtype.hasobject:
            raise DatasetError(
                f"{array}: expected numbers, received pickled Python objects, which "
                "are not read, since a pickle can run code. Save the array with "
                "numbers, like y.astype('int64')."
            )
        if not array.shape:
            raise DatasetError(
                f"{array}: expected an array with a row for each image, received a "
                "single value. Save all rows."
            )
    counts = images.shape[0], labels.shape[0]
    if counts[0] != counts[1]:
        raise DatasetError(
            f"{labels}: expected {counts[0]:,} labels, one for each image in {images}, "
            f"received {counts[1]:,}. Save the two arrays of one set."
        )
    if not counts[0]:
        raise DatasetError(
            f"{images}: expected at least one image, received none. Save all rows."
        )
    if labels.shape[1:] not in ((), (1,)):
        shown = "x".join(map(str, labels.shape))
        raise DatasetError(
            f"{labels}: expected one label for each image, received an array of "
            f"{shown}. Save the number of the class, like y.argmax(axis=1)."
        )


def _row(images: _Array, start: int, row: int) -> str:
    return f"{images}: row {start + row:,} (from 0)"


def _read(images: _Array, labels: _Array, blocks: PixelBlocks) -> Examples:
    start = 0
    pairs = zip(_blocks(images), _blocks(labels), strict=True)
    for pixels, found in pairs:
        values = found.reshape(-1).tolist()
        yield from blocks.examples(pixels, values, partial(_row, images, start))
        start += len(pixels)


def _blocks(array: _Array) -> Iterator[np.ndarray]:
    """Yields rows [up to 1024, ...]; one in Fortran's order is read as a whole.

    Raises:
        DatasetError: the file is damaged.
    """
    row_shape = array.shape[1:]
    size = int(np.prod(row_shape, dtype=np.int64)) * array.dtype.itemsize
    with _explained(array.file), _open(array.file, array.member) as stream:
        if array.fortran:
            whole = np.lib.format.read_array(stream, allow_pickle=False)
            for start in range(0, len(whole), BLOCK):
                yield whole[start : start + BLOCK]
            return
        version = np.lib.format.read_magic(stream)
        header = 2 if version == (1, 0) else 4
        stream.read(int.from_bytes(stream.read(header), "little"))
        for start in range(0, array.shape[0], BLOCK):
            count = min(BLOCK, array.shape[0] - start)
            data = stream.read(count * size)
            if len(data) < count * size:
                raise ValueError(f"truncated at row {start + len(data) // size:,}")
            yield np.frombuffer(data, array.dtype).reshape(count, *row_shape)
        if stream.read(1):
            raise ValueError(f"goes on after its {array.shape[0]:,} rows")
