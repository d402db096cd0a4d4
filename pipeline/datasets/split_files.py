"""Finds the files of each split, by their names or folders, for readers of files."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from components.classes import CLASSES_FILE
from components.errors import DatasetError
from components.features import TRAIN
from pipeline.datasets.findings import Findings, some
from pipeline.datasets.folders import Walker
from pipeline.datasets.source import SPLIT_NAMES

# A folder of TensorFlow Datasets for one version, whole or left by a killed download.
_VERSION = re.compile(r"(incomplete\.\w+_)?\d+\.\d+\.\d+(\.?incomplete\w*)?")
_SHARD = re.compile(r"(?P<start>.*)-(?P<index>\d{5})-of-(?P<count>\d{5})(?P<end>.*)")
# What lies beside the records of a data set and holds none.
_COMPANIONS = re.compile(
    rf"{re.escape(CLASSES_FILE)}|dataset_info\.json|features\.json|.+\.labels\.txt|"
    r"readme(\..*)?|licen[cs]e(\..*)?|\.gitattributes|\.gitignore|dataset_infos\.json",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FileKind:
    """Files that one reader reads.

    Attributes:
        option: of ``data convert`` that takes them.
        name: in errors, like ``TFRecord files``.
        named: in errors, how they are told, like ``.tfrecord in their names``.
        matches: says of a file name whether it is one.
    """

    option: str
    name: str
    named: str
    matches: Callable[[str], bool]


def find_split_files(
    path: Path, kind: FileKind, findings: Findings
) -> dict[str, list[Path]]:
    """Returns the files of each split, in the order of their paths.

    Args:
        path: a folder, searched at any depth, or one file, which is ``train``. Where
            no name says a split, all files are ``train``.
        kind: which files are meant.
        findings: to note the others.

    Raises:
        DatasetError: there is no such file, one is of no split, one of several parts
            is missing, or the files are those of more than one data set.
    """
    if path.is_file():
        _require_no_array_record(path, kind)
        return {TRAIN: [path]}
    files = _find(path, kind, findings)
    _require_one_data_set(path, files, kind)
    _require_all_parts(files)
    splits: dict[str, list[Path]] = {}
    unnamed = []
    for file in files:
        split = split_of(file.relative_to(path))
        splits.setdefault(split, []).append(file) if split else unnamed.append(file)
    if not splits:
        return {TRAIN: unnamed}
    if unnamed or TRAIN not in splits:
        raise DatasetError(
            f"{unnamed[0] if unnamed else path}: expected each file to say its split "
            f"({', '.join(SPLIT_NAMES)}) in its name or by its folder, train among "
            "them, received one that does not or no train. Rename or move it."
        )
    return splits


def split_of(path: Path) -> str | None:
    """The split that a path names: the last such word of its last such part."""
    for part in reversed(path.parts):
        for word in reversed(re.split(r"[^a-z]+", part.lower())):
            if word in SPLIT_NAMES:
                return SPLIT_NAMES[word]
    return None


def _find(folder: Path, kind: FileKind, findings: Findings) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected {kind.name} or a folder of them, received "
            f"{'no file' if folder.exists() else 'nothing there'}. Check {kind.option}."
        )
    files: list[Path] = []
    others: list[Path] = []
    found = dict.fromkeys(Walker(findings).files_below(folder))
    for file in found:
        # Unpacked by hand, say; to read both would take every example twice.
        packed = file.suffix == ".gz" and file.with_suffix("") in found
        (files if kind.matches(file.name) and not packed else others).append(file)
    for file in others:
        if not _COMPANIONS.fullmatch(file.name):
            findings.left_out.add(file)
    if not files:
        findings.require_good()
        for file in others:
            _require_no_array_record(file, kind)
        raise DatasetError(
            f"{folder}: expected files with {kind.named}, received "
            f"{some([file.name for file in others]) or 'none'}. Check {kind.option}."
        )
    return files


def _require_no_array_record(file: Path, kind: FileKind) -> None:
    if ".array_record" in file.name:
        raise DatasetError(
            f"{file}: expected {kind.name}, received ArrayRecord, which is not read. "
            "Prepare TFRecords instead: tfds.builder(NAME, file_format='tfrecord')"
            ".download_and_prepare(), or `tfds build NAME --file_format=tfrecord`."
        )


def _require_one_data_set(folder: Path, files: list[Path], kind: FileKind) -> None:
    roots = sorted({_root(file, folder) for file in files})
    if len(roots) > 1:
        raise DatasetError(
            f"{folder}: expected one version of one data set, received "
            f"{some([root.relative_to(folder) for root in roots])}. Name one of these "
            f"folders with {kind.option}."
        )


def _root(file: Path, folder: Path) -> Path:
    """The nearest folder above a file that is a data set of its own, or ``folder``."""
    for root in file.parents[: len(file.relative_to(folder).parts) - 1]:
        if _VERSION.fullmatch(root.name) or (root / "dataset_info.json").is_file():
            return root
    return folder


def _require_all_parts(files: list[Path]) -> None:
    """Refuses ``x-00000-of-00002`` without ``x-00001-of-00002``."""
    parts: dict[tuple[Path, str, str, str], set[int]] = {}
    for file in files:
        name = _SHARD.fullmatch(file.name)
        if name:
            key = (file.parent, name["start"], name["count"], name["end"])
            parts.setdefault(key, set()).add(int(name["index"]))
    for (parent, start, count, end), found in parts.items():
        missing = [
            f"{start}-{index:05d}-of-{count}{end}"
            for index in range(int(count))
            if index not in found
        ]
        if missing:
            raise DatasetError(
                f"{parent}: expected {int(count):,} parts as their names say, received "
                f"{len(found):,}, without {some(missing)}. Fetch what is missing."
            )
