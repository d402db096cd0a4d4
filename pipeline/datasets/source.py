"""What every reader of foreign data gives: classes, and splits of examples."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.classes import CLASSES_FILE, parse_class_names, read_class_names
from components.features import TEST, TRAIN, VAL

Examples = Iterator[tuple[np.ndarray, int]]

# As other data sets call their splits.
SPLIT_NAMES = {
    "train": TRAIN,
    "val": VAL,
    "valid": VAL,
    "validation": VAL,
    "test": TEST,
}


@dataclass(frozen=True)
class SourceSplit:
    """A split as it lies there.

    ``examples`` yields (pixels uint8[784], label 0..9) once; ``count`` is None where
    only reading tells how many.
    """

    where: Path
    count: int | None
    examples: Examples


@dataclass(frozen=True)
class Source:
    """A data set to convert.

    ``splits`` has at least ``train``; ``classes`` has the 10 names. ``ordered`` says
    that the examples come class by class, so that they have to be mixed. ``left_out``
    are files that were not read, because they are of another kind.
    """

    classes: tuple[str, ...]
    splits: dict[str, SourceSplit]
    ordered: bool = False
    left_out: tuple[Path, ...] = ()


def given_class_names(folder: Path, file: Path | None) -> tuple[str, ...] | None:
    """The names in a file if there is one, else in ``folder/classes.json``, else None.

    Raises:
        DatasetError: they are no 10 names.
    """
    if file is not None:
        return parse_class_names(file)
    return read_class_names(folder) if (folder / CLASSES_FILE).exists() else None
