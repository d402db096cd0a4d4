"""Reads a folder of pictures, one folder a class, as ``data convert`` is told."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.classes import CLASSES_FILE, check_printable
from components.errors import DatasetError
from components.features import TRAIN
from pipeline.datasets.findings import Findings, some
from pipeline.datasets.folders import Walker
from pipeline.datasets.pictures import SUFFIXES, is_picture
from pipeline.datasets.source import (
    SPLIT_NAMES,
    Source,
    SourceSplit,
    given_class_names,
    picture_examples,
)
from pipeline.datasets.target import TARGET


@dataclass(frozen=True)
class _Split:
    """Where a split lies, and its pictures by class name."""

    where: Path
    images: dict[str, list[Path]]


def read_source(folder: Path, classes_file: Path | None = None) -> Source:
    """Finds the pictures below a folder; they are read when they are taken.

    Args:
        folder: holds a folder for each class, or ``train`` (and ``val``, ``test``)
            that do. Folders within a class count to it. Links are followed.
        classes_file: the class names in the order of the labels; the names of the
            folders, sorted, unless it or ``classes.json`` in the folder gives them.

    Raises:
        DatasetError: the folder is missing, there are not 10 classes, a folder is
            none of them or has a name that is none, or a class has no picture.
    """
    findings = Findings()
    walker = Walker(findings)
    names = given_class_names(folder, classes_file)
    names = names and tuple(map(_name, names))
    splits = {
        split: _Split(where, _list_classes(where, walker, findings))
        for split, where in _split_folders(folder, walker, findings, names).items()
    }
    found = sorted({name for split in splits.values() for name in split.images})
    if not found:
        findings.require_good()
    classes = _check_classes(folder, found, names)
    if not findings.bad.count:
        for split in splits.values():
            _check_each_has_one(split, classes)
    return Source(
        classes=classes,
        splits={
            name: SourceSplit(
                split.where,
                sum(map(len, split.images.values())),
                picture_examples(_labelled(split, classes), findings),
            )
            for name, split in splits.items()
        },
        ordered=True,
        findings=findings,
    )


def _split_folders(
    folder: Path, walker: Walker, findings: Findings, names: tuple[str, ...] | None
) -> dict[str, Path]:
    """The folder of each split; the folder itself is train if it has none."""
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected a folder with one folder for each class, received "
            f"{'a file' if folder.exists() else 'nothing there'}. Check --images."
        )
    folders, _ = Walker(Findings()).entries(folder)
    splits = {
        SPLIT_NAMES[path.name.lower()]: path
        for path in folders
        if path.name.lower() in SPLIT_NAMES
    }
    # A class may be called like a split, say the trains among vehicles.
    if not splits or {_name(path.name) for path in folders} <= set(names or ()):
        return {TRAIN: folder}
    if len(splits) < len(folders) or TRAIN not in splits:
        raise DatasetError(
            f"{folder}: expected folders named {', '.join(SPLIT_NAMES)} alone, with "
            f"train among them and one for each split, or classes alone, received "
            f"{some([path.name for path in folders], most=20)}. Move the others out, "
            "or list all classes with --classes if these are names of classes."
        )
    _, files = walker.entries(folder)
    _leave_out(files, findings)
    return splits


def _list_classes(
    folder: Path, walker: Walker, findings: Findings
) -> dict[str, list[Path]]:
    folders, files = walker.entries(folder)
    _leave_out(files, findings)
    images: dict[str, list[Path]] = {}
    for path in folders:
        below = list(walker.files_below(path))
        images.setdefault(_name(path.name), []).extend(filter(is_picture, below))
        _leave_out([file for file in below if not is_picture(file)], findings)
    return images


def _leave_out(files: list[Path], findings: Findings) -> None:
    for file in files:
        if file.name != CLASSES_FILE:
            findings.left_out.add(file)


def _check_classes(
    folder: Path, found: list[str], given: tuple[str, ...] | None
) -> tuple[str, ...]:
    """The 10 names, in the order of the labels."""
    if given is None:
        _check_names(folder, found)
        if len(found) != TARGET.classes:
            raise DatasetError(
                f"{folder}: expected {TARGET.classes} folders, one for each class, "
                f"since exactly {TARGET.classes} classes are supported, received "
                f"{len(found)}: {some(found, most=20) or 'none'}. Merge or leave out "
                "classes, or add the missing ones."
            )
        return tuple(found)
    others = [name for name in found if name not in given]
    if others:
        raise DatasetError(
            f"{folder}: expected folders named like the {TARGET.classes} classes "
            f"({', '.join(given)}), received {some(others)}. Rename or move out these "
            "folders, or correct the list of classes."
        )
    return given


def _name(text: str) -> str:
    """Writes accents one way; macOS writes them in names of files another way."""
    return unicodedata.normalize("NFC", text)


def _check_names(folder: Path, found: list[str]) -> None:
    try:
        check_printable(tuple(found))
    except ValueError as error:
        raise DatasetError(
            f"{folder}: expected folders whose names can name the classes. Received: "
            f"{error}. Rename the folder."
        ) from error


def _check_each_has_one(split: _Split, classes: tuple[str, ...]) -> None:
    for name in classes:
        if not split.images.get(name):
            raise DatasetError(
                f"{split.where / name}: expected at least one image of the class "
                f"{name} ({', '.join(SUFFIXES)}), received none. Add some to this "
                "folder."
            )


def _labelled(
    split: _Split, classes: tuple[str, ...]
) -> Iterator[tuple[Path, Path, int]]:
    for label, name in enumerate(classes):
        for path in split.images.get(name, ()):
            yield path, path, label
