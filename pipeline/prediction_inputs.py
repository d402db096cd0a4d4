"""The pictures that ``mnist-pipeline predict`` is given, one after the other.

Files, folders of any depth and IDX files; nothing is kept in memory.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np

from components.errors import PipelineError
from pipeline.datasets import idx
from pipeline.datasets.images import (
    ImageError,
    invert,
    is_image,
    load_image,
    looks_inverted,
)


@attrs.frozen
class Picture:
    """A picture, or why there is none.

    Attributes:
      name: its path; for one of an IDX file with its number, from 0, in brackets.
      pixels: uint8 [28, 28], or None where it could not be read.
      looks_inverted: whether it seems to be dark ink on a bright ground.
      error: what was expected and received, where it could not be read.
    """

    name: str
    pixels: np.ndarray | None = None
    looks_inverted: bool = False
    error: str = ""


def count_pictures(paths: Iterable[Path]) -> int:
    """Returns how many pictures ``read_pictures`` will yield, if none is damaged."""
    return sum(_count(path) for path in paths)


def read_pictures(paths: Iterable[Path], inverted: bool = False) -> Iterator[Picture]:
    """Yields each picture in the order given, those of a folder sorted by path.

    Args:
      paths: PNG, JPEG or IDX files, or folders, of which the PNG and JPEG count.
      inverted: they are dark ink on a bright ground, to be inverted.
    """
    for path in paths:
        if path.is_dir():
            for file in _files_below(path):
                yield _load(file, inverted)
        elif idx.holds_images(path):
            yield from _read_idx(path, inverted)
        else:
            yield _load(path, inverted)


def _count(path: Path) -> int:
    if path.is_dir():
        return sum(1 for _ in _files_below(path))
    try:
        return idx.count_images(path) if idx.holds_images(path) else 1
    except (OSError, PipelineError):
        return 1


def _files_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if is_image(Path(name)):
                yield Path(root, name)


def _load(file: Path, inverted: bool) -> Picture:
    try:
        return _picture(str(file), load_image(file), inverted)
    except ImageError as error:
        return Picture(str(file), error=str(error))


def _read_idx(file: Path, inverted: bool) -> Iterator[Picture]:
    try:
        for number, pixels in enumerate(idx.read_images(file)):
            yield _picture(f"{file}[{number}]", pixels, inverted)
    except PipelineError as error:
        yield Picture(str(file), error=str(error).removeprefix(f"{file}: "))


def _picture(name: str, pixels: np.ndarray, inverted: bool) -> Picture:
    if inverted:
        pixels = invert(pixels)
    return Picture(name, pixels, looks_inverted(pixels))
