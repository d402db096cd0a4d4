"""Checks a data folder: files, checksums, counts and the layout of every record."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.classes import read_class_names
from components.durable import sha256
from components.errors import DatasetError
from components.features import SPLITS
from components.image_spec import ImageSpec
from components.litter import without_litter
from pipeline.datasets.manifest import MANIFEST_NAME, ShardEntry, read_manifest
from pipeline.datasets.records import decode_labels, first_fault
from pipeline.datasets.shards import read_batches

BATCH_SIZE = 1024
AGAIN = "Fetch or convert the data set again."


@dataclass(frozen=True)
class SplitReport:
    """What one split holds, and what is wrong with it.

    ``records`` and ``labels`` (records per class) count what could be read.
    """

    files: int
    records: int
    bytes: int
    labels: tuple[int, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class DatasetReport:
    """The splits by name; ``checksums`` says whether there were any to compare."""

    folder: Path
    classes: tuple[str, ...]
    checksums: bool
    splits: dict[str, SplitReport]

    @property
    def problems(self) -> list[str]:
        """Every problem of every split."""
        return [line for split in self.splits.values() for line in split.problems]


def verify_dataset(folder: Path, spec: ImageSpec) -> DatasetReport:
    """Reads every record of ``train``, ``val`` and ``test``, a batch at a time.

    Args:
        folder: holds the splits.
        spec: what each record must hold.

    Problems within the splits are collected, not raised.

    Raises:
        DatasetError: the folder does not exist, or its dataset.json or classes.json
            is damaged.
    """
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: expected a folder with {', '.join(SPLITS)}, received "
            f"{'a file' if folder.exists() else 'nothing there'}. "
            "Name the folder that `mnist-pipeline data convert` wrote."
        )
    manifest = read_manifest(folder)
    classes = read_class_names(folder, spec.classes)
    splits = {name: _verify_split(folder, name, manifest, spec) for name in SPLITS}
    return DatasetReport(folder, classes, manifest is not None, splits)


def _verify_split(
    folder: Path, split: str, manifest: dict[str, ShardEntry] | None, spec: ImageSpec
) -> SplitReport:
    # Whatever lies in the folder is what the pipeline would read, but for litter.
    paths = without_litter((folder / split).glob("*"))
    problems = []
    if not paths:
        problems.append(
            f"{folder / split}: expected TFRecord files, received none. {AGAIN}"
        )
    if manifest is not None:
        listed = {folder / name for name in manifest if name.startswith(f"{split}/")}
        problems += _compare_names(set(paths), listed)
    labels = np.zeros(spec.classes, np.int64)
    for path in paths:
        entry = (manifest or {}).get(f"{split}/{path.name}")
        counts, found = _verify_shard(path, entry, spec)
        labels += counts
        problems += found
    return SplitReport(
        files=len(paths),
        records=int(labels.sum()),
        bytes=sum(path.stat().st_size for path in paths),
        labels=tuple(labels.tolist()),
        problems=tuple(problems),
    )


def _compare_names(present: set[Path], listed: set[Path]) -> list[str]:
    missing = [
        f"{path}: expected this file as {MANIFEST_NAME} lists it, received nothing "
        f"there. {AGAIN}"
        for path in sorted(listed - present)
    ]
    unlisted = [
        f"{path}: expected only files that {MANIFEST_NAME} lists, received one more. "
        "Move it out of the folder."
        for path in sorted(present - listed)
    ]
    return missing + unlisted


def _verify_shard(
    path: Path, entry: ShardEntry | None, spec: ImageSpec
) -> tuple[np.ndarray, list[str]]:
    """Returns the records of each class, and what is wrong with the file."""
    counts = np.zeros(spec.classes, np.int64)
    problems = []
    try:
        digest = sha256(path)
        if entry and digest != entry.sha256:
            problems.append(
                f"{path}: expected SHA-256 {entry.sha256}, received {digest}. {AGAIN}"
            )
        for records in read_batches(path, BATCH_SIZE):
            counts += _count_labels(path, int(counts.sum()), records, spec)
    except DatasetError as error:
        return counts, [*problems, str(error)]
    except OSError as error:
        reason = f"{path}: expected a readable file, received: {error.strerror}."
        return counts, [reason]
    total = int(counts.sum())
    if entry and total != entry.records:
        problems.append(
            f"{path}: expected {entry.records:,} records, received {total:,}. {AGAIN}"
        )
    if total == 0:
        problems.append(f"{path}: expected at least one record, received none. {AGAIN}")
    return counts, problems


def _count_labels(
    path: Path, start: int, records: list[bytes], spec: ImageSpec
) -> np.ndarray:
    """Records of each class; ``start`` is the number of the first record."""
    labels = decode_labels(records, spec)
    if labels is not None:
        return np.bincount(labels, minlength=spec.classes)
    raise DatasetError(
        f"{path}: {first_fault(records, start, spec)}. Correct the source and convert "
        "it again."
    )
