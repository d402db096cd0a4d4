"""Reads TFRecords whose images are encoded, as TensorFlow Datasets writes them."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components.classes import DIGITS, check_class_names
from components.errors import DatasetError
from components.features import IMAGE, LABEL, NUM_CLASSES, PIXELS, TRAIN
from pipeline.datasets.images import ImageError, load_image
from pipeline.datasets.shards import read_batches
from pipeline.datasets.source import (
    SPLIT_NAMES,
    Examples,
    Source,
    SourceSplit,
    given_class_names,
)

if TYPE_CHECKING:
    import tensorflow as tf

# TensorFlow Datasets writes one name a line into it.
_LABELS_FILE = "label.labels.txt"
_BATCH_SIZE = 256
_LAYOUT = f"{IMAGE} as one encoded PNG or JPEG (bytes) and {LABEL} as one int64"


def read_source(folder: Path, classes_file: Path | None = None) -> Source:
    """Finds the files of each split; they are read when they are taken.

    Args:
        folder: holds files named like ``mnist-train.tfrecord-00000-of-00001`` (gzip
            or not), or folders ``train``, ``validation``, ``test`` of TFRecords.
            Without any such name, all files are ``train``.
        classes_file: the class names; those in ``classes.json`` or, as TensorFlow
            Datasets has them, ``label.labels.txt`` in the folder unless given.

    Raises:
        DatasetError: no TFRecord is there, a file is of no split, or the classes are
            not 10.
    """
    names = given_class_names(folder, classes_file) or _read_labels_file(folder)
    splits = _group(folder)
    return Source(
        classes=names,
        splits={
            split: SourceSplit(folder, None, _read(files, names))
            for split, files in splits.items()
        },
    )


def _read_labels_file(folder: Path) -> tuple[str, ...]:
    file = folder / _LABELS_FILE
    if not file.exists():
        return DIGITS
    try:
        return check_class_names(
            tuple(file.read_text(encoding="utf-8-sig").splitlines())
        )
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{file}: expected the name of one class a line, {NUM_CLASSES} of them, "
            f"since the model tells {NUM_CLASSES} classes apart. Received: {error}. "
            "Convert a data set of 10 classes, or name them with --classes."
        ) from error


def _group(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected a folder with TFRecord files, received "
            f"{'a file' if folder.exists() else 'nothing there'}. Check --tfrecord."
        )
    files = sorted(p for p in folder.rglob("*.tfrecord*") if p.is_file())
    if not files:
        raise DatasetError(
            f"{folder}: expected files with .tfrecord in their names, received none. "
            "Check --tfrecord."
        )
    splits: dict[str, list[Path]] = {}
    unnamed = []
    for file in files:
        split = _split_of(file.relative_to(folder))
        splits.setdefault(split, []).append(file) if split else unnamed.append(file)
    if not splits:
        return {TRAIN: unnamed}
    if unnamed or TRAIN not in splits:
        raise DatasetError(
            f"{unnamed[0] if unnamed else folder}: expected each file to say its split "
            f"({', '.join(SPLIT_NAMES)}) in its name or by its folder, train among "
            "them, received one that does not or no train. Rename or move it."
        )
    return splits


def _split_of(file: Path) -> str | None:
    """The split that a path names, its last part first."""
    for part in reversed(file.parts):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLIT_NAMES:
                return SPLIT_NAMES[word]
    return None


def _read(files: list[Path], classes: tuple[str, ...]) -> Examples:
    for file in files:
        for number, record in enumerate(_records(file)):
            try:
                yield _decode(record, classes)
            except (ImageError, ValueError) as error:
                raise DatasetError(
                    f"{file}: record {number:,} (from 0): {error}. Correct the source "
                    "and convert it again."
                ) from error


def _records(file: Path) -> Iterator[bytes]:
    for batch in read_batches(file, _BATCH_SIZE, sniff=True):
        yield from batch


def _decode(record: bytes, classes: tuple[str, ...]) -> tuple[np.ndarray, int]:
    """The pixels uint8[784] and the label of a record.

    Raises:
        ValueError: the record is of another layout, or its label outside the classes.
        ImageError: the image cannot be decoded.
    """
    image, label = _features(record)
    if not 0 <= label < len(classes):
        raise ValueError(
            f"expected a label in 0..{len(classes) - 1}, one for each class, received "
            f"{label}"
        )
    return load_image(io.BytesIO(image)).reshape(PIXELS), label


def _features(record: bytes) -> tuple[bytes, int]:
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        raise ValueError(
            "expected a tf.train.Example, received bytes that are none"
        ) from None
    received = {name: _describe(feature[name]) for name in sorted(feature)}
    if (received.get(IMAGE), received.get(LABEL)) != ("1 bytes", "1 int64"):
        listed = ", ".join(f"{name} ({what})" for name, what in received.items())
        raise ValueError(f"expected {_LAYOUT}, received {listed or 'no feature'}")
    return feature[IMAGE].bytes_list.value[0], feature[LABEL].int64_list.value[0]


def _describe(feature: "tf.train.Feature") -> str:
    """For example ``784 int64``."""
    kind = feature.WhichOneof("kind")
    if kind is None:
        return "no value"
    return f"{len(getattr(feature, kind).value)} {kind.removesuffix('_list')}"
