"""Reads TFRecords of other layouts: encoded images, as TensorFlow Datasets writes
them, and floats, as in TFX's own MNIST example.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.classes import DIGITS, check_class_names
from components.errors import DatasetError
from components.features import IMAGE, LABEL
from pipeline.datasets.arrays import PixelBlocks, in_blocks
from pipeline.datasets.findings import Findings
from pipeline.datasets.shards import read_batches
from pipeline.datasets.source import (
    Examples,
    Source,
    SourceSplit,
    given_class_names,
    picture_examples,
)
from pipeline.datasets.split_files import FileKind, find_split_files
from pipeline.datasets.target import TARGET

if TYPE_CHECKING:
    import tensorflow as tf

KIND = FileKind(
    option="--tfrecord",
    name="TFRecord files",
    named=".tfrecord in their names",
    matches=lambda name: ".tfrec" in name,
)
# TensorFlow Datasets writes one name a line into it.
_LABELS_FILE = "label.labels.txt"
_BATCH_SIZE = 256
# As TFX's MNIST example calls them.
_FLOATS, _CLASS = "image_floats", "image_class"
_LAYOUT = (
    f"{IMAGE} as one encoded picture (bytes) and {LABEL} as one int64, or {_FLOATS} "
    f"as floats and {_CLASS} as one int64"
)


def read_source(path: Path, classes_file: Path | None = None) -> Source:
    """Finds the files of each split; they are read when they are taken.

    Args:
        path: a TFRecord file, or a folder with files named like
            ``mnist-train.tfrecord-00000-of-00001`` (gzip or not), or folders
            ``train``, ``validation``, ``test`` of them. Without any such name, all
            files are ``train``.
        classes_file: the class names; those in ``classes.json`` or, as TensorFlow
            Datasets has them, ``label.labels.txt`` beside the files unless given.

    Raises:
        DatasetError: no TFRecord is there, a file is of no split, or the classes are
            not 10.
    """
    findings = Findings()
    splits = find_split_files(path, KIND, findings)
    names = given_class_names(path, classes_file) or _read_labels_file(path, splits)
    return Source(
        classes=names,
        splits={
            split: SourceSplit(path, None, _read(files, names, findings))
            for split, files in splits.items()
        },
        findings=findings,
    )


def _read_labels_file(path: Path, splits: dict[str, list[Path]]) -> tuple[str, ...]:
    folders = [path, *(file.parent for files in splits.values() for file in files)]
    file = next(
        (f / _LABELS_FILE for f in folders if (f / _LABELS_FILE).exists()), None
    )
    if file is None:
        return DIGITS
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
        return check_class_names(tuple(lines), TARGET.classes)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{file}: expected the name of one class a line. Received: {error}. "
            f"Convert a data set of {TARGET.classes} classes, or name them with "
            "--classes."
        ) from error


def _read(files: list[Path], classes: tuple[str, ...], findings: Findings) -> Examples:
    for file in files:
        floats = PixelBlocks(str(file), classes, findings, centred=True)
        numbered = enumerate(_records(file))
        for block in in_blocks(numbered, _BATCH_SIZE):
            found = list(_parse_all(file, block, findings))
            if found and isinstance(found[0][1], np.ndarray):
                yield from _take_floats(file, found, floats)
            else:
                pictures = ((_where(file, n), io.BytesIO(p), k) for n, p, k in found)
                yield from picture_examples(pictures, findings)


def _records(file: Path) -> Iterator[bytes]:
    for batch in read_batches(file, _BATCH_SIZE, sniff=True):
        yield from batch


def _parse_all(
    file: Path, block: list[tuple[int, bytes]], findings: Findings
) -> Iterator[tuple[int, Any, int]]:
    """Yields number, image and label of records, all of the layout of the first."""
    layout = None
    for number, record in block:
        try:
            image, label = _parse(record)
            layout = layout or type(image)
            if type(image) is not layout:
                raise ValueError(
                    f"expected the layout of the records before, {_LAYOUT}"
                )
        except ValueError as error:
            findings.add_bad(_where(file, number), error)
            continue
        yield number, image, label


def _take_floats(
    file: Path, found: list[tuple[int, np.ndarray, int]], blocks: PixelBlocks
) -> Examples:
    """Takes the records that have as many floats as the first."""
    length = len(found[0][1])
    for number, image, _ in found:
        if len(image) != length:
            blocks.findings.add_bad(
                _where(file, number),
                f"expected {length} floats like those before, received {len(image)}",
            )
    same = [one for one in found if len(one[1]) == length]
    yield from blocks.examples(
        np.stack([image for _, image, _ in same]),
        [label for _, _, label in same],
        lambda row: _where(file, same[row][0]),
    )


def _where(file: Path, number: int) -> str:
    return f"{file}: record {number:,} (from 0)"


def _parse(record: bytes) -> tuple[bytes | np.ndarray, int]:
    """The image, encoded or float32 [n], and the label of a record.

    Raises:
        ValueError: the record is of another layout.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError:
        raise ValueError(
            "expected a tf.train.Example, received bytes that are none"
        ) from None
    received = {name: _describe(feature[name]) for name in sorted(feature)}
    if (received.get(IMAGE), received.get(LABEL)) == ("1 bytes", "1 int64"):
        return feature[IMAGE].bytes_list.value[0], feature[LABEL].int64_list.value[0]
    floats = received.get(_FLOATS, "").endswith(" float")
    if floats and received.get(_CLASS) == "1 int64":
        values = np.array(feature[_FLOATS].float_list.value, np.float32)
        return values, feature[_CLASS].int64_list.value[0]
    listed = ", ".join(f"{name} ({what})" for name, what in received.items())
    raise ValueError(f"expected {_LAYOUT}, received {listed or 'no feature'}")


def _describe(feature: "tf.train.Feature") -> str:
    """For example ``784 int64``."""
    kind = feature.WhichOneof("kind")
    if kind is None:
        return "no value"
    return f"{len(getattr(feature, kind).value)} {kind.removesuffix('_list')}"
