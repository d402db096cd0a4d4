"""Splits a source into train, val and test: as it comes, by class, or by count."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.classes import describe_class
from components.errors import DatasetError, UsageError
from components.features import SPLITS, TEST, TRAIN, VAL
from pipeline.datasets.convert import Split
from pipeline.datasets.source import Examples, Source, SourceSplit
from pipeline.datasets.target import TARGET

# A share of each class, or a number of the last examples.
Size = float | int


@dataclass(frozen=True)
class _Pool:
    """What a source holds of a split.

    ``pixels`` uint8[n, 784] lie on disk; ``labels`` int64[n]; ``digests`` uint64[n] of
    the pixels.
    """

    where: Path
    pixels: np.ndarray
    labels: np.ndarray
    digests: np.ndarray


def split_source(
    source: Source,
    val: Size | None,
    test: Size | None,
    scratch: Path,
    advance: Callable[[int], object],
    skip_bad: bool = False,
) -> list[Split]:
    """Reads a source and splits off what it does not have of its own.

    A share is taken of each class, rounded: the images that come first by the digest
    of their pixels. So the same images are always split alike, and copies of one
    image stay together.

    Args:
        source: read here, once.
        val: of the training images, a share of each class or a count from the end;
            None where the source has a validation split.
        test: likewise, taken before ``val``; None where the source has a test split.
        scratch: folder with room for 784 bytes a record until the splits are gone.
        advance: called with the number of examples just read.
        skip_bad: go on without what cannot be read, and labels that are no class.

    Returns:
        ``train``, ``val`` and ``test``.

    Raises:
        UsageError: a split is asked for that the source has, or one is missing.
        DatasetError: the source is faulty, a class has no image or too few.
    """
    sizes = {TEST: test, VAL: val}
    for name, size in sizes.items():
        _check_request(name, size, has_one=name in source.splits)
    pools = {
        name: _read(split, scratch, advance) for name, split in source.splits.items()
    }
    if not skip_bad:
        source.findings.require_good()
    for name, pool in pools.items():
        _check_counts(name, pool, source.classes)
    return _split(pools, sizes, source)


def _split(
    pools: dict[str, _Pool], sizes: dict[str, Size | None], source: Source
) -> list[Split]:
    # Mixed where they come class by class, for who trains on the first of them.
    chosen = {
        name: pool.digests.argsort(kind="stable")
        if source.ordered or (name == TRAIN and _is_ordered(pool.labels))
        else np.arange(len(pool.labels))
        for name, pool in pools.items()
    }
    for name, size in sizes.items():
        if size is not None:
            pools[name] = pool = pools[TRAIN]
            taken = _take(name, size, pool, chosen[TRAIN], source.classes)
            chosen[name] = chosen[TRAIN][taken]
            chosen[TRAIN] = chosen[TRAIN][~taken]
    return [
        Split(name, len(chosen[name]), _examples(pools[name], chosen[name]))
        for name in SPLITS
    ]


def _check_request(name: str, size: Size | None, has_one: bool) -> None:
    if has_one and size is not None:
        raise UsageError(
            f"Expected no --{name}, since the source has a split {name} of its own. "
            f"Received: --{name} {size}. Leave it out."
        )
    if not has_one and size is None:
        raise UsageError(
            f"Expected --{name}, since the source has no split {name}. Received: none. "
            f"Add --{name} 0.1 to take a tenth of each class."
        )


def _is_ordered(labels: np.ndarray) -> bool:
    return bool((np.diff(labels) >= 0).all())


def _read(split: SourceSplit, scratch: Path, advance: Callable[[int], object]) -> _Pool:
    labels: list[int] = []
    digests = bytearray()
    with tempfile.TemporaryFile(dir=scratch) as file:
        for pixels, label in split.examples:
            data = pixels.tobytes()
            file.write(data)
            digests += hashlib.blake2b(data, digest_size=8).digest()
            labels.append(label)
            advance(1)
        file.flush()
        # The mapping outlives the file, which has no name. Nothing cannot be mapped.
        pixels = (
            np.memmap(file, np.uint8, "r", shape=(len(labels), TARGET.pixels))
            if labels
            else np.empty((0, TARGET.pixels), np.uint8)
        )
    return _Pool(
        split.where,
        pixels,
        np.array(labels, np.int64),
        np.frombuffer(digests, ">u8"),
    )


def _check_counts(name: str, pool: _Pool, classes: tuple[str, ...]) -> None:
    missing = [
        describe_class(label, classes)
        for label in sorted({*range(TARGET.classes)} - {*pool.labels.tolist()})
    ]
    if missing:
        raise DatasetError(
            f"{pool.where}: expected at least one image of each of the "
            f"{TARGET.classes} classes in {name}, since exactly {TARGET.classes} "
            f"classes are supported, received none of {', '.join(missing)}. Add some."
        )


def _take(
    name: str,
    size: Size,
    pool: _Pool,
    candidates: np.ndarray,
    classes: tuple[str, ...],
) -> np.ndarray:
    """Which of the candidates, positions int64[m], to split off: bool[m]."""
    taken = np.zeros(len(candidates), bool)
    if isinstance(size, int):
        if not 0 < size < len(candidates):
            raise DatasetError(
                f"{pool.where}: expected a split {name} of 1 to "
                f"{len(candidates) - 1:,} of the {len(candidates):,} images, received "
                f"{size:,}. Give a smaller --{name}."
            )
        taken[-size:] = True
        return taken
    for label in range(TARGET.classes):
        [members] = np.nonzero(pool.labels[candidates] == label)
        order = members[pool.digests[candidates[members]].argsort(kind="stable")]
        digests = pool.digests[candidates[order]]
        # Where one image ends and another begins.
        cuts = np.flatnonzero(digests[1:] != digests[:-1]) + 1
        if not cuts.size:
            raise DatasetError(
                f"{pool.where}: expected two different images or more of class "
                f"{describe_class(label, classes)} to split off {name}, received "
                f"{len(members):,}, all the same. Add some."
            )
        taken[order[: cuts[np.abs(cuts - round(size * len(order))).argmin()]]] = True
    return taken


def _examples(pool: _Pool, chosen: np.ndarray) -> Examples:
    for position in chosen.tolist():
        yield pool.pixels[position], int(pool.labels[position])
