"""What every reader of foreign data gives: classes, and splits of examples.

A reader is a module with ``read_source(path, classes_file)``; it yields the examples
that it can read and notes the others in the findings.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from components.classes import CLASSES_FILE, parse_class_names, read_class_names
from components.features import MAX_PIXEL, TEST, TRAIN, VAL
from pipeline.datasets.findings import Findings
from pipeline.datasets.pictures import PictureError, fit, looks_inverted, read_picture
from pipeline.datasets.target import TARGET

Examples = Iterator[tuple[np.ndarray, int]]

# As other data sets call their splits.
SPLIT_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VAL,
    "valid": VAL,
    "validation": VAL,
    "dev": VAL,
    "test": TEST,
    "testing": TEST,
}


@dataclass(frozen=True)
class SourceSplit:
    """A split as it lies there.

    ``examples`` yields (pixels uint8[784], label 0..9) once; ``count`` is None where
    only reading tells how many, and counts what cannot be read as well.
    """

    where: Path
    count: int | None
    examples: Examples


@dataclass(frozen=True)
class Source:
    """A data set to convert.

    ``splits`` has at least ``train``; ``classes`` has the 10 names. ``ordered`` says
    that the examples come class by class, so that they have to be mixed. ``findings``
    are complete once all examples were taken.
    """

    classes: tuple[str, ...]
    splits: dict[str, SourceSplit]
    ordered: bool = False
    findings: Findings = field(default_factory=Findings)


def picture_examples(
    pictures: Iterable[tuple[object, Path | BinaryIO, int]], findings: Findings
) -> Examples:
    """Yields the pictures that can be read and are of a class; notes the others.

    Args:
        pictures: of each its place, for messages, its file and its label.
        findings: to note also what a picture loses on its way into a record.
    """
    for where, file, label in pictures:
        try:
            picture = read_picture(file)
        except PictureError as error:
            findings.add_bad(where, error)
            continue
        if findings.admits(label, where):
            findings.add_picture(picture)
            yield fit(picture.values).reshape(TARGET.pixels), label


def turned(source: Source, invert: bool, transpose: bool) -> Source:
    """Returns the source with other pixels: their negative, rows for columns, or both.

    Its findings also count the images that then look like dark ink on a bright ground.

    Args:
        source: read through the result alone from now on.
        invert: 0 becomes 255.
        transpose: as EMNIST lies in its files.
    """
    splits = {
        name: replace(
            split,
            examples=_turn(split.examples, invert, transpose, source.findings),
        )
        for name, split in source.splits.items()
    }
    return replace(source, splits=splits)


def given_class_names(folder: Path, file: Path | None) -> tuple[str, ...] | None:
    """The names in a file if there is one, else in ``folder/classes.json``, else None.

    Raises:
        DatasetError: they are no 10 names.
    """
    if file is not None:
        return parse_class_names(file, TARGET.classes)
    if not (folder / CLASSES_FILE).exists():
        return None
    return read_class_names(folder, TARGET.classes)


def _turn(
    examples: Examples, invert: bool, transpose: bool, findings: Findings
) -> Examples:
    for pixels, label in examples:
        image = pixels.reshape(TARGET.height, TARGET.width)
        if transpose:
            image = image.T
        if invert:
            image = MAX_PIXEL - image
        findings.images += 1
        findings.inverted += looks_inverted(image)
        yield image.reshape(TARGET.pixels), label
