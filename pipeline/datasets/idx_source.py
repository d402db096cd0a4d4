"""Finds the IDX files of a data set in a folder and reads images with their labels.

MNIST's names, with whatever its relatives (EMNIST, QMNIST, ...) put before them.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.classes import DIGITS
from components.errors import DatasetError
from components.features import TEST, TRAIN
from pipeline.datasets import idx
from pipeline.datasets.file_kinds import open_unpacked
from pipeline.datasets.findings import Findings, some
from pipeline.datasets.pictures import fit
from pipeline.datasets.source import Examples, Source, SourceSplit, given_class_names
from pipeline.datasets.target import TARGET

_STEMS = {TRAIN: ("train", "training"), TEST: ("t10k", "test", "testing")}
_KINDS = {"images": "idx3", "labels": "idx1"}
_NAME = re.compile(
    rf"(?P<set>.+[-_.])?(?P<stem>{'|'.join(sum(_STEMS.values(), ()))})[-_.]"
    rf"(?P<kind>{'|'.join(_KINDS)})[-_.]idx[1-4][-_.](ubyte|int)(\.gz)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class IdxPair:
    """An images file and its labels file, headers read and found to agree."""

    images: Path
    labels: Path
    count: int


def read_source(folder: Path, classes_file: Path | None = None) -> Source:
    """The official training and test sets of a folder with the four IDX files.

    Args:
        folder: holds the files under MNIST's names.
        classes_file: the class names; those in ``classes.json`` in the folder unless
            given, else digits.

    Raises:
        DatasetError: as :func:`open_pair`, or the class names will not do.
    """
    findings = Findings()
    pairs = {split: open_pair(folder, split) for split in (TRAIN, TEST)}
    return Source(
        classes=given_class_names(folder, classes_file) or DIGITS,
        splits={
            split: SourceSplit(pair.images, pair.count, read_examples(pair, findings))
            for split, pair in pairs.items()
        },
        findings=findings,
    )


def open_pair(folder: Path, split: str) -> IdxPair:
    """Finds the images and the labels of a split and reads the headers.

    Args:
        folder: holds the IDX files, gzip or not.
        split: ``train`` or ``test``.

    Raises:
        DatasetError: a file is missing, there twice or unreadable, a header is not
            that of images or of labels, or the two counts differ.
    """
    images, labels = (_find(folder, split, kind) for kind in _KINDS)
    with open_unpacked(images) as file:
        shape = idx.read_header(file, images, idx.IMAGES_MAGIC).shape
    with open_unpacked(labels) as file:
        label_count = _read_labels_header(file, labels).shape[0]
    if shape[0] != label_count:
        raise DatasetError(
            f"{labels}: expected {shape[0]:,} labels, one for each image in "
            f"{images.name}, received {label_count:,}. Use the two files of one set."
        )
    if 0 in shape:
        raise DatasetError(
            f"{images}: expected at least one image, received none. {idx.FETCH_AGAIN}"
        )
    return IdxPair(images, labels, label_count)


def read_examples(pair: IdxPair, findings: Findings) -> Examples:
    """Yields (pixels uint8[784] row-major, label 0..9) in the files' order.

    The ends of both files are checked before the last batch is yielded.

    Args:
        pair: of one split.
        findings: to note labels that are no class, and sizes.

    Raises:
        DatasetError: a file is truncated, goes on after its last item or is damaged.
    """
    with open_unpacked(pair.images) as images, open_unpacked(pair.labels) as labels:
        header = idx.read_header(images, pair.images, idx.IMAGES_MAGIC)
        _, height, width = header.shape
        batches = zip(
            idx.read_items(images, pair.images, header),
            idx.read_items(
                labels, pair.labels, _read_labels_header(labels, pair.labels)
            ),
            strict=True,
        )
        number = 0
        for batch, found in batches:
            # QMNIST has eight columns, the class in the first of them.
            classes = found.reshape(len(batch), -1)[:, 0].tolist()
            for image, label in zip(batch, classes, strict=True):
                if findings.admits(label, f"{pair.labels}: label {number:,} (from 0)"):
                    findings.add_size((width, height))
                    if (height, width) != (TARGET.height, TARGET.width):
                        image = fit(image)
                    yield image.reshape(TARGET.pixels), label
                number += 1


def _read_labels_header(file: BinaryIO, path: Path) -> idx.Header:
    return idx.read_header(file, path, idx.LABELS_MAGIC, idx.WIDE_LABELS_MAGIC)


def _find(folder: Path, split: str, kind: str) -> Path:
    """The file of a split, the plain one where it is there as gzip as well."""
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected a folder with the four IDX files, received "
            f"{'a file' if folder.exists() else 'nothing there'}. Check --idx."
        )
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        name = _NAME.fullmatch(path.name)
        if (
            name
            and name["kind"].lower() == kind
            and name["stem"].lower() in _STEMS[split]
        ):
            found.setdefault((name["set"] or "").rstrip("-_."), []).append(path)
    if len(found) > 1:
        raise DatasetError(
            f"{folder}: expected the IDX files of one data set, received those of "
            f"{some(sorted(found))}. Move the files of one into a folder of its own."
        )
    for paths in found.values():
        return min(paths, key=lambda path: (path.suffix == ".gz", path.name))
    names = [
        f"{_STEMS[split][0]}-{kind}{separator}{_KINDS[kind]}-ubyte{suffix}"
        for separator in "-."
        for suffix in ("", ".gz")
    ]
    raise DatasetError(
        f"{folder}: expected {names[0]} (or {', '.join(names[1:])}), received none "
        "of them. Put the four IDX files into this folder under these names."
    )
