"""Writes splits of examples, from whatever source, as one data folder, atomically."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from components.classes import DIGITS, write_class_names
from components.durable import explain_os_errors, sha256, sync
from components.errors import DatasetError
from pipeline.datasets.manifest import ShardEntry, write_manifest
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import shard_name, shard_sizes, write_shard

# MNIST in four files for train: enough for workers to share, few enough to list.
RECORDS_PER_SHARD = 16_384


@dataclass(frozen=True)
class Split:
    """A split yet to be written: ``examples`` yields (pixels uint8[784], label)."""

    name: str
    count: int
    examples: Iterator[tuple[np.ndarray, int]]


def write_dataset(
    splits: list[Split],
    out: Path,
    advance: Callable[[int], object],
    records_per_shard: int = RECORDS_PER_SHARD,
    classes: tuple[str, ...] = DIGITS,
    conversion: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Writes every split in its order, and dataset.json, to a new folder.

    The folder appears whole or not at all.

    Args:
        splits: consumed one after the other, so they may share an iterator.
        out: must not exist; missing parents are made.
        advance: called with the number of records just written.
        records_per_shard: the most that one file holds.
        classes: names of the classes; written as classes.json unless digits.
        conversion: JSON values to keep in dataset.json: what was changed on the way.

    Raises:
        DatasetError: the folder exists or cannot be written, or a source is faulty.
    """
    with new_folder(out) as staged:
        entries = {}
        for split in splits:
            (staged / split.name).mkdir()
            sizes = shard_sizes(split.count, records_per_shard)
            for index, size in enumerate(sizes):
                name = f"{split.name}/{shard_name(split.name, index, len(sizes))}"
                records = _serialize(islice(split.examples, size), advance)
                write_shard(staged / name, records)
                entries[name] = ShardEntry(size, sha256(staged / name))
        if classes != DIGITS:
            write_class_names(staged, classes)
        write_manifest(staged, entries, conversion)


def require_new(out: Path) -> None:
    """Refuses a folder to write that is there.

    Raises:
        DatasetError: something has its name, if only a link to nowhere.
    """
    if out.exists() or out.is_symlink():
        raise DatasetError(
            f"{out}: expected a folder that does not exist yet, received one that "
            "does. Choose another --out or remove it first."
        )


def existing_parent(out: Path) -> Path:
    """The nearest folder above one to write, so on the same file system."""
    return _first_missing(out.absolute()).parent


def _first_missing(out: Path) -> Path:
    while not out.parent.exists():
        out = out.parent
    return out


def _serialize(
    examples: Iterator[tuple[np.ndarray, int]], advance: Callable[[int], object]
) -> Iterator[bytes]:
    for pixels, label in examples:
        yield serialize_example(pixels, label)
        advance(1)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill that becomes ``out``, parents and all, by one rename."""
    out = out.absolute()
    require_new(out)
    top = _first_missing(out)
    # A sibling, so that the rename stays on one file system.
    with (
        explained(out),
        tempfile.TemporaryDirectory(prefix=f".{top.name}-", dir=top.parent) as tmp,
    ):
        staged = Path(tmp) / out.relative_to(top.parent)
        staged.mkdir(parents=True)
        yield staged
        for path in Path(tmp).rglob("*"):
            sync(path)
        (Path(tmp) / top.name).rename(top)
        sync(top.parent)


def explained(out: Path) -> AbstractContextManager[None]:
    """Turns an error of the operating system, within, into one to act on."""
    action = f"read the input and write {out}"
    return explain_os_errors(action, "Check permissions and free space.")
