"""Moves named records of a data set aside and writes the rest as a new one.

``data quarantine`` calls it. The side files are plain TFRecords in a folder that is no
split, so that nothing takes them for data to train on.
"""

import csv
import hashlib
import re
import shlex
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from components.classes import CLASSES_FILE
from components.data.audit_files import image_sha256
from components.durable import sha256
from components.errors import DatasetError
from components.image_spec import ImageSpec
from pipeline.datasets.convert import new_folder
from pipeline.datasets.example_files import read_examples
from pipeline.datasets.findings import some
from pipeline.datasets.manifest import (
    ShardEntry,
    read_conversion,
    write_manifest,
)
from pipeline.datasets.shards import (
    read_batches,
    shard_name,
    split_files,
    write_shard,
)
from pipeline.datasets.suspects_file import Suspect

QUARANTINE = "quarantine"
RECORDS_FILE = "records.csv"
COLUMNS = ("split", "file", "record", "label", "reason", "sha256", "image_sha256")
_BATCH = 1024
# As ExampleGen names its copies of the files of a split, in their order.
_COPY = re.compile(r"data_tfrecord-(\d{5})-of-(\d{5})\.gz")

Places = dict[Path, dict[int, list[Suspect]]]


@attrs.frozen
class Moved:
    """A record that was moved aside.

    Attributes:
      split: that it was in.
      file: of the split, by name.
      record: its number in the file, from 0.
      label: its class.
      reason: why.
      content: the record itself.
      image_sha256: of its pixels.
    """

    split: str
    file: str
    record: int
    label: int
    reason: str
    content: bytes = attrs.field(repr=False)
    image_sha256: str


@attrs.frozen
class Quarantined:
    """What was done.

    Attributes:
      moved: records moved aside, by split.
      kept: records in the new data set, by split.
    """

    moved: Mapping[str, int]
    kept: Mapping[str, int]


def quarantine(
    folder: Path,
    suspects: Sequence[Suspect],
    out: Path,
    reason: str,
    spec: ImageSpec,
) -> Quarantined:
    """Writes a data set without some records, and these beside its splits.

    Args:
      folder: of the data set, which stays as it is.
      suspects: the records, each as often as there is a reason.
      out: must not exist; appears whole or not at all.
      reason: why; what is suspicious about each record where it is empty.
      spec: what each record holds.

    Raises:
      DatasetError: a record is not there or another one, the data set is damaged or
        would lose a split or a class of one, or ``out`` exists.
    """
    files = split_files(folder)
    places = _places(folder, files, suspects)
    moved: list[Moved] = []
    labels: dict[str, np.ndarray] = {}
    for split, paths in files.items():
        found = [_take(path, split, places[path], reason, spec) for path in paths]
        moved += [one for of_file, _ in found for one in of_file]
        labels[split] = np.sum([counts for _, counts in found], axis=0)
    kept = _require_rest(folder, moved, labels)
    with new_folder(out) as staged:
        entries = {
            name: entry
            for split, paths in files.items()
            for name, entry in _write_rest(staged, split, paths, moved)
        }
        _write_aside(staged / QUARANTINE, moved)
        if (folder / CLASSES_FILE).exists():
            shutil.copyfile(folder / CLASSES_FILE, staged / CLASSES_FILE)
        counts = {split: _count(moved, split) for split in files}
        conversion = {**read_conversion(folder), "quarantined": counts}
        write_manifest(staged, entries, conversion)
    return Quarantined(counts, kept)


def _places(
    folder: Path, files: Mapping[str, list[Path]], suspects: Sequence[Suspect]
) -> Places:
    """Finds the file of each suspect."""
    places: Places = defaultdict(lambda: defaultdict(list))
    for suspect in suspects:
        paths = files.get(suspect.split, [])
        path = _file(paths, suspect.file)
        if path is None:
            there = some([one.name for one in paths]) or "no file in it"
            raise DatasetError(
                f"{folder / suspect.split}: expected the file that line "
                f"{suspect.line:,} names, {suspect.file or 'without a name'}. "
                f"Received: {there}. {_own_list(folder)}"
            )
        places[path][suspect.record].append(suspect)
    return places


def _file(paths: Sequence[Path], name: str) -> Path | None:
    by_name = {path.name: path for path in paths}
    copy = _COPY.fullmatch(name)
    if name in by_name or not copy or int(copy[2]) != len(paths):
        return by_name.get(name)
    return paths[int(copy[1])] if int(copy[1]) < len(paths) else None


def _own_list(folder: Path) -> str:
    return (
        f"`mnist-pipeline data suspects {shlex.quote(str(folder))}` lists those of "
        "this data set."
    )


def _take(
    path: Path,
    split: str,
    wanted: Mapping[int, list[Suspect]],
    reason: str,
    spec: ImageSpec,
) -> tuple[list[Moved], np.ndarray]:
    """Reads the wanted records of a file; also the records of each class in it.

    Raises:
      DatasetError: one is not there or another one, or the file is damaged.
    """
    moved: list[Moved] = []
    counts = np.zeros(spec.classes, np.int64)
    for start, records, images, labels in read_examples(path, spec):
        counts += np.bincount(labels, minlength=spec.classes)
        for number in sorted(wanted.keys() & range(start, start + len(records))):
            at = number - start
            digest, label = image_sha256(images[at]), int(labels[at])
            for suspect in wanted[number]:
                _require_same(path, suspect, digest, label)
            names = dict.fromkeys(s.finding for s in wanted[number] if s.finding)
            why = reason or "; ".join(names)
            moved.append(
                Moved(split, path.name, number, label, why, records[at], digest)
            )
    beyond = [number for number in wanted if number >= counts.sum()]
    if beyond:
        line = wanted[beyond[0]][0].line
        raise DatasetError(
            f"{path}: expected record {beyond[0]:,} (from 0), which line {line:,} "
            f"names, received a file of {counts.sum():,} records. "
            f"{_own_list(path.parents[1])}"
        )
    return moved, counts


def _require_same(path: Path, suspect: Suspect, digest: str, label: int) -> None:
    if (digest, label) == (suspect.image_sha256, suspect.label):
        return
    wanted, there = f"label {suspect.label}", f"label {label}"
    if digest != suspect.image_sha256:
        wanted = f"the image with SHA-256 {suspect.image_sha256[:12]}…"
        there = f"{digest[:12]}…"
    raise DatasetError(
        f"{path}: expected as record {suspect.record:,} (from 0) {wanted}, as line "
        f"{suspect.line:,} says, received {there}: the list is of other data, or the "
        f"data changed since. {_own_list(path.parents[1])}"
    )


def _count(moved: Sequence[Moved], split: str) -> int:
    return sum(one.split == split for one in moved)


def _require_rest(
    folder: Path, moved: Sequence[Moved], labels: Mapping[str, np.ndarray]
) -> dict[str, int]:
    """Returns how many records each split keeps; none may lose all of a class."""
    kept = {}
    for split, before in labels.items():
        taken = [one.label for one in moved if one.split == split]
        after = before - np.bincount(taken, minlength=len(before))
        lost = np.flatnonzero((after == 0) & (before > 0)).tolist()
        if lost:
            what = (
                "no record at all"
                if not after.any()
                else f"none of label {some(lost)} ({int(before[lost].sum()):,} before)"
            )
            raise DatasetError(
                f"{folder / split}: expected records of each class to stay. Received: "
                f"a list that leaves {what}. Remove lines of {split} from the list, "
                "take fewer findings with --only, or add records first."
            )
        kept[split] = int(after.sum())
    return kept


def _write_rest(
    staged: Path, split: str, paths: Sequence[Path], moved: Sequence[Moved]
) -> Iterator[tuple[str, ShardEntry]]:
    """Copies the files that stay whole, and writes what is left of the others."""
    gone = {
        path: {o.record for o in moved if (o.split, o.file) == (split, path.name)}
        for path in paths
    }
    sizes = {path: sum(map(len, read_batches(path, _BATCH))) for path in paths}
    left = [path for path in paths if sizes[path] > len(gone[path])]
    (staged / split).mkdir()
    for index, path in enumerate(left):
        name = f"{split}/{shard_name(split, index, len(left))}"
        if gone[path]:
            write_shard(staged / name, _without(path, gone[path]))
        else:
            shutil.copyfile(path, staged / name)
        count = sizes[path] - len(gone[path])
        yield name, ShardEntry(count, sha256(staged / name))


def _without(path: Path, gone: set[int]) -> Iterator[bytes]:
    records = (record for batch in read_batches(path, _BATCH) for record in batch)
    return (record for n, record in enumerate(records) if n not in gone)


def _write_aside(folder: Path, moved: Sequence[Moved]) -> None:
    """Writes the records, a file a split, and a table of them in the same order."""
    folder.mkdir()
    for split in dict.fromkeys(one.split for one in moved):
        records = [one.content for one in moved if one.split == split]
        write_shard(folder / f"{split}.tfrecord.gz", records)
    with (folder / RECORDS_FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for one in moved:
            digest = hashlib.sha256(one.content).hexdigest()
            table.writerow(
                (
                    one.split,
                    one.file,
                    one.record,
                    one.label,
                    one.reason,
                    digest,
                    one.image_sha256,
                )
            )
