"""What goes between the processes of the comparison: data sets, and what was found.

It needs NumPy alone, because the other checkers' environment has no more.
"""

import json
import os
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

# The part of a data set: what was accepted before; what bounds are taken from; what
# must raise no alarm; what must raise one.
BEFORE, GOOD, CLEAN, DEFECT = "before", "good", "clean", "defect"
_INDEX = "index.json"

# Images uint8 [n, h, w] and labels int64 [n] by split.
Splits = Mapping[str, tuple[np.ndarray, np.ndarray]]


@dataclass
class Found:
    """What a checker found in a data set.

    Attributes:
      failed: conditions of its own that do not hold.
      warned: such conditions that it says less of.
      flagged: kind of issue → how many records have it, and of how many.
    """

    failed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    flagged: dict[str, tuple[int, int]] = field(default_factory=dict)


# From the data before and the data now to what was found.
Checker = Callable[[Splits, Splits], Found]


def write_data_sets(folder: Path, data_sets: Iterable[tuple[str, str, Splits]]) -> None:
    """Writes data sets, each with its name and its part, into a folder that exists."""
    index = []
    for number, (name, part, splits) in enumerate(data_sets):
        arrays = {}
        for split, (images, labels) in splits.items():
            arrays[f"{split}_images"], arrays[f"{split}_labels"] = images, labels
        np.savez(folder / f"{number}.npz", **arrays)
        index.append([name, part])
    (folder / _INDEX).write_text(json.dumps(index), encoding="utf-8")


def read_index(folder: Path) -> list[tuple[str, str]]:
    """Returns the name and the part of each data set; the first is the data before."""
    index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    return [(name, part) for name, part in index]


def read_splits(folder: Path, number: int) -> Splits:
    """Returns the arrays of a data set by its place in the index."""
    with np.load(folder / f"{number}.npz") as arrays:
        splits = dict.fromkeys(key.partition("_")[0] for key in arrays)
        return {s: (arrays[f"{s}_images"], arrays[f"{s}_labels"]) for s in splits}


def check_all(
    folder: Path,
    check: Checker,
    versions: Mapping[str, str],
    out: Path,
    parts: Iterable[str] = (GOOD, CLEAN, DEFECT),
    prepare: Callable[[Splits], None] = lambda now: None,
) -> None:
    """Gives the data sets to a checker, one after another; writes what it found so far.

    Args:
      folder: from ``write_data_sets``.
      check: the checker.
      versions: of its packages.
      out: JSON file to write.
      parts: of the data sets to give it.
      prepare: puts a data set where the checker finds it; its time does not count.
    """
    before = read_splits(folder, 0)
    results = []
    for number, (name, part) in enumerate(read_index(folder)):
        if part in parts:
            now = read_splits(folder, number)
            prepare(now)
            started, cpu = time.monotonic(), _cpu()
            found = _checked(check, before, now)
            took = {"seconds": time.monotonic() - started, "cpu": _cpu() - cpu}
            results.append({"name": name, "part": part, **took, **asdict(found)})
            content = {"versions": dict(versions), "results": results}
            out.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _checked(check: Checker, before: Splits, now: Splits) -> Found:
    """Breaking down is an alarm too, and no reason to lose what others found."""
    try:
        return check(before, now)
    except Exception as error:
        traceback.print_exc()
        return Found(failed=[f"breaks down, {type(error).__name__}"])


def _cpu() -> float:
    """Seconds of this process and of those that it waited for."""
    return sum(os.times()[:4])
