"""The pictures that ``mnist-pipeline predict`` is given, one after the other.

Files, folders of any depth and IDX files; nothing is kept in memory.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np
from PIL import Image

from components.errors import PipelineError
from components.litter import is_litter
from pipeline.datasets import idx
from pipeline.datasets.pictures import (
    GreyPicture,
    PictureError,
    is_picture,
    read_picture,
)
from pipeline.prediction.preparation import Preparation, Seen

# As the export's graph decodes them: smaller only where they are twice as large.
LEAST_SIDE = 1024
_SHOWN_SIDE = 160


@attrs.frozen
class Picture:
    """A picture, or why there is none.

    Attributes:
      name: its path; for one of an IDX file with its number, from 0, in brackets.
      seen: what the model will see of it, or None where it could not be read.
      source: uint8 [h, w], it itself, at most 160 pixels a side; None likewise.
      error: what was expected and received, where it could not be read.
      missing: whether there is nothing at its path.
    """

    name: str
    seen: Seen | None = None
    source: np.ndarray | None = attrs.field(default=None, repr=False)
    error: str = ""
    missing: bool = False


@attrs.frozen
class Contents:
    """What paths hold.

    Attributes:
      pictures: how many ``read_pictures`` will yield, if none is damaged or missing.
      others: how many files of other kinds lie in the folders, by their kind.
    """

    pictures: int
    others: Counter[str]


def survey(paths: Iterable[Path]) -> Contents:
    """Counts what ``read_pictures`` will read, and what it will pass over."""
    pictures = 0
    others: Counter[str] = Counter()
    for path in paths:
        if path.is_dir():
            for file in _files_below(path):
                if is_picture(file):
                    pictures += 1
                else:
                    others[file.suffix.lower() or "no suffix"] += 1
        elif os.path.lexists(path):
            pictures += _count(path)
    return Contents(pictures, others)


def read_pictures(paths: Iterable[Path], preparation: Preparation) -> Iterator[Picture]:
    """Yields each picture in the order given, those of a folder sorted by path.

    Args:
      paths: pictures, IDX files, or folders, of which the pictures count.
      preparation: makes of a picture what the model sees.
    """
    for path in paths:
        if path.is_dir():
            for file in filter(is_picture, _files_below(path)):
                yield _load(file, preparation)
        elif not os.path.lexists(path):
            error = "expected a file or a folder, received a path where there is none"
            yield Picture(str(path), error=error, missing=True)
        elif idx.holds_images(path):
            yield from _read_idx(path, preparation)
        else:
            yield _load(path, preparation)


def _count(path: Path) -> int:
    try:
        return idx.count_images(path) if idx.holds_images(path) else 1
    except (OSError, PipelineError):
        return 1


def _files_below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for name in sorted(names):
            if not is_litter(name):
                yield Path(root, name)


def _load(file: Path, preparation: Preparation) -> Picture:
    try:
        picture = read_picture(file, LEAST_SIDE)
    except PictureError as error:
        return Picture(str(file), error=str(error))
    seen = preparation.of_picture(picture.values, _reduction(picture))
    return Picture(str(file), seen, _shown(picture.values))


def _reduction(picture: GreyPicture) -> int:
    """By how much a large JPEG was decoded smaller than it is."""
    return round(max(picture.size) / max(picture.values.shape))


def _read_idx(file: Path, preparation: Preparation) -> Iterator[Picture]:
    try:
        number = 0
        for images in idx.read_images(file):
            for pixels, seen in zip(images, preparation.of_images(images), strict=True):
                yield Picture(f"{file}[{number}]", seen, pixels)
                number += 1
    except PipelineError as error:
        yield Picture(str(file), error=str(error).removeprefix(f"{file}: "))


def _shown(grey: np.ndarray) -> np.ndarray:
    image = Image.fromarray(grey)
    image.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
    return np.asarray(image)
