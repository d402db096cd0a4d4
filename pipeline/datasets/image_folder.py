"""Reads a folder of pictures, one folder a class, as ``data convert`` is told."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.errors import DatasetError
from components.features import NUM_CLASSES, PIXELS, TRAIN
from pipeline.datasets.images import SUFFIXES, ImageError, is_image, load_image
from pipeline.datasets.source import (
    SPLIT_NAMES,
    Examples,
    Source,
    SourceSplit,
    given_class_names,
)


@dataclass(frozen=True)
class _Files:
    """The pictures of one split by class name, and the other files there."""

    images: dict[str, list[Path]]
    others: list[Path]


def read_source(folder: Path, classes_file: Path | None = None) -> Source:
    """Finds the pictures below a folder; they are read when they are taken.

    Args:
        folder: holds a folder for each class, or ``train`` (and ``val``, ``test``)
            that do. Folders within a class count to it.
        classes_file: the class names in the order of the labels; the names of the
            folders, sorted, unless it or ``classes.json`` in the folder gives them.

    Raises:
        DatasetError: the folder is missing, there are not 10 classes, a folder is
            none of them, or a class has no picture.
    """
    splits = {
        split: (where, _list_classes(where))
        for split, where in _split_folders(folder).items()
    }
    found = sorted({name for _, files in splits.values() for name in files.images})
    names = given_class_names(folder, classes_file)
    classes = _check_classes(folder, found, names)
    for where, files in splits.values():
        _check_each_has_one(where, files, classes)
    return Source(
        classes=classes,
        splits={
            split: SourceSplit(
                where,
                sum(map(len, files.images.values())),
                _read(files, classes),
            )
            for split, (where, files) in splits.items()
        },
        ordered=True,
        left_out=tuple(path for _, files in splits.values() for path in files.others),
    )


def _split_folders(folder: Path) -> dict[str, Path]:
    """The folder of each split; the folder itself is train if it has none."""
    folders = _folders(folder)
    splits = {
        SPLIT_NAMES[path.name.lower()]: path
        for path in folders
        if path.name.lower() in SPLIT_NAMES
    }
    if not splits:
        return {TRAIN: folder}
    if len(splits) < len(folders) or TRAIN not in splits:
        names = ", ".join(path.name for path in folders)
        raise DatasetError(
            f"{folder}: expected folders named {', '.join(SPLIT_NAMES)} alone, with "
            f"train among them and one for each split, or classes alone, received "
            f"{names}. Move the others out."
        )
    return splits


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected a folder with one folder for each class, received "
            f"{'a file' if folder.exists() else 'nothing there'}. Check --images."
        )
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )


def _list_classes(folder: Path) -> _Files:
    images, others = {}, []
    for path in _folders(folder):
        images[path.name] = []
        for root, folders, names in os.walk(path):
            folders.sort()
            files = [Path(root) / name for name in sorted(names)]
            images[path.name] += filter(is_image, files)
            others += [file for file in files if not is_image(file)]
    return _Files(images, others)


def _check_classes(
    folder: Path, found: list[str], given: tuple[str, ...] | None
) -> tuple[str, ...]:
    """The 10 names, in the order of the labels."""
    if given is None:
        if len(found) != NUM_CLASSES:
            raise DatasetError(
                f"{folder}: expected {NUM_CLASSES} folders, one for each class, since "
                f"the model tells {NUM_CLASSES} classes apart, received {len(found)}: "
                f"{', '.join(found[:20]) or 'none'}. Merge or leave out classes, or "
                "add the missing ones."
            )
        return tuple(found)
    for name in found:
        if name not in given:
            raise DatasetError(
                f"{folder}: expected folders named like the classes "
                f"({', '.join(given)}), received {name}. Rename it, move it out or "
                "correct the list of classes."
            )
    return given


def _check_each_has_one(where: Path, files: _Files, classes: tuple[str, ...]) -> None:
    for name in classes:
        if not files.images.get(name):
            raise DatasetError(
                f"{where / name}: expected at least one image of the class {name} "
                f"({', '.join(SUFFIXES)}), received none. Add some to this folder."
            )


def _read(files: _Files, classes: tuple[str, ...]) -> Examples:
    for label, path in _labelled(files, classes):
        try:
            pixels = load_image(path)
        except ImageError as error:
            raise DatasetError(f"{path}: {error}. Replace or remove it.") from error
        yield pixels.reshape(PIXELS), label


def _labelled(files: _Files, classes: tuple[str, ...]) -> Iterator[tuple[int, Path]]:
    for label, name in enumerate(classes):
        for path in files.images[name]:
            yield label, path
