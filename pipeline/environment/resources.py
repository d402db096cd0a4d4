"""How much memory and how many processors this process may use.

A container has less than its machine: the limits of its control group count, and of
each group that holds it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def free_memory(cgroups: Path = CGROUPS, own: Path = OWN_GROUPS) -> int:
    """Returns the bytes that may still be taken.

    Args:
      cgroups: where the control groups are mounted.
      own: which of them this process is in.
    """
    free = [psutil.virtual_memory().available]
    for folder in _folders(cgroups, own, "memory"):
        for limit, usage in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            most, used = _number(folder / limit), _number(folder / usage)
            if most is not None and used is not None:
                free.append(most - used + _cached(folder / "memory.stat"))
    return max(min(free), 0)


def processors(cgroups: Path = CGROUPS, own: Path = OWN_GROUPS) -> float:
    """Returns how many processors may be kept busy; a share of one counts as such.

    Args:
      cgroups: where the control groups are mounted.
      own: which of them this process is in.
    """
    counts = [float(psutil.cpu_count() or 1)]
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        counts.append(float(len(os.sched_getaffinity(0))))
    for folder in _folders(cgroups, own, "cpu"):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        if not quota:
            quota = _text(folder / "cpu.cfs_quota_us")
            period = _text(folder / "cpu.cfs_period_us")
        if quota.isdecimal() and period.isdecimal():
            counts.append(int(quota) / int(period))
    return min(counts)


def _folders(cgroups: Path, own: Path, controller: str) -> Iterator[Path]:
    """Yields the folders of this process's groups and of those that hold them.

    A container may see the path that its machine knows, and its own group at the top:
    what is not there is passed over by the caller.
    """
    for line in _text(own).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            roots = [cgroups, cgroups / "unified"]
        elif controller in controllers.split(","):
            roots = [cgroups / controller, cgroups / controllers]
        else:
            continue
        inside = Path(path.lstrip("/"))
        for root in roots:
            yield from (root / part for part in (inside, *inside.parents))


def _cached(stat: Path) -> int:
    """Returns the bytes of files that the system keeps, and gives up when asked."""
    values = dict(line.rsplit(" ", 1) for line in _text(stat).splitlines())
    return int(values.get("total_inactive_file") or values.get("inactive_file") or 0)


def _number(file: Path) -> int | None:
    """Returns the number in a file, or None for ``max`` and for no such file."""
    text = _text(file)
    return int(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
