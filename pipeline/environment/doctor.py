"""Finds out whether this machine can run the pipeline, without importing TensorFlow.

``mnist-pipeline doctor`` prints the findings.
"""

import os
import platform
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from components.errors import PipelineError
from components.features import SPLITS
from components.litter import without_litter
from pipeline.environment.resources import free_memory, processors
from pipeline.environment.tfx_line import LINES, TfxLine, installed_line

GB = 1_000_000_000
MIN_DISK_GB = 5
MIN_MEMORY_GB = 4
MIN_PROCESSORS = 1
SHOWN = 5  # differing packages that are named before "and n more"

_MAKE_AGAIN = "Remove .venv; 'make run' makes it again from the lock."
_MOVE = (
    "Use Linux x86_64 with glibc 2.17 or newer, or macOS arm64; "
    "requirements/README.md has a container for everything else."
)


@dataclass(frozen=True)
class Finding:
    """What one check saw; ``fix`` says what to do and is empty when it is ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def diagnose(data: Path, workspace: Path) -> list[Finding]:
    """Checks the platform, the environment, the data and the workspace.

    Args:
      data: the folder that holds ``train/``, ``val/`` and ``test/``.
      workspace: the folder that a run writes to; it need not exist yet.
    """
    return [
        check_platform(),
        check_python(),
        check_line(),
        check_packages(),
        check_disk(workspace),
        check_memory(),
        check_processors(),
        check_data(data),
        check_workspace(workspace),
    ]


def check_platform() -> Finding:
    """Does any TFX line have wheels for this platform?"""
    system, machine = platform.system(), platform.machine()
    libc, number = platform.libc_ver()
    detail = " ".join(filter(None, [system, machine, libc, number]))
    if (system, machine) == ("Darwin", "arm64"):
        return Finding("platform", True, detail)
    oldest = min(line.glibc for line in LINES)
    ok = (
        (system, machine) == ("Linux", "x86_64")
        and libc == "glibc"
        and tuple(map(int, number.split(".")[:2])) >= oldest
    )
    return Finding("platform", ok, detail, "" if ok else _MOVE)


def check_python() -> Finding:
    """Does any TFX line run on this Python?"""
    detail = f"{platform.python_version()}, {sys.executable}"
    if any(_runs_here(line) for line in LINES):
        return Finding("python", True, detail)
    return Finding("python", False, detail, f"Use Python 3.10 to 3.13. {_MAKE_AGAIN}")


def check_line() -> Finding:
    """Is a supported TFX installed, and is it the one for this Python?"""
    return _with_line("tfx", _compare_line)


def _compare_line(line: TfxLine) -> Finding:
    detail = f"TFX {line.tfx}, for Python {line.python_range}"
    ok = _runs_here(line)
    return Finding("tfx", ok, detail, "" if ok else _MAKE_AGAIN)


def check_packages() -> Finding:
    """Is every package of the lock installed in the locked version?"""
    return _with_line("packages", _compare_packages)


def _compare_packages(line: TfxLine) -> Finding:
    lock = line.lock_file
    if not lock.is_file():
        fix = "Install the project from a checkout, with 'make run'."
        return Finding("packages", False, f"no lock file {lock}", fix)
    locked = read_lock(lock.read_text(encoding="utf-8"))
    wrong = [
        f"{name} {found or 'missing'} (lock: {expected})"
        for name, expected in locked.items()
        if (found := _installed_version(name)) != expected
    ]
    if not wrong:
        return Finding("packages", True, f"{len(locked)} as in {lock.name}")
    more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
    return Finding("packages", False, ", ".join(wrong[:SHOWN]) + more, _MAKE_AGAIN)


def read_lock(text: str) -> dict[str, str]:
    """Returns name → version of what a lock installs on this Python and platform."""
    lines = (line.rstrip(" \\") for line in text.splitlines())
    requirements = [
        Requirement(line) for line in lines if line and not line.startswith((" ", "#"))
    ]
    return {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def check_disk(workspace: Path) -> Finding:
    """Is there room for the artifacts of many runs where they are written?"""
    free = shutil.disk_usage(_existing(workspace)).free / GB
    detail = f"{free:.1f} GB free, {MIN_DISK_GB} GB needed"
    ok = free >= MIN_DISK_GB
    fix = f"Free some space, or name a --workspace on another disk than {workspace}."
    return Finding("disk", ok, detail, "" if ok else fix)


def check_memory() -> Finding:
    """Is there memory for TensorFlow, Beam and the 70,000 examples?"""
    free, total = free_memory() / GB, psutil.virtual_memory().available / GB
    detail = f"{free:.1f} GB free, {MIN_MEMORY_GB} GB needed"
    if free < total:
        detail += f"; the machine has {total:.1f} GB free, this container may use less"
    ok = free >= MIN_MEMORY_GB
    fix = "Close other programs, or give the container or machine more memory."
    return Finding("memory", ok, detail, "" if ok else fix)


def check_processors() -> Finding:
    """Is there a whole processor for this process?"""
    count = processors()
    detail = f"{count:g} for this process, {MIN_PROCESSORS} needed"
    ok = count >= MIN_PROCESSORS
    fix = "Give the container a whole processor: training would take very long."
    return Finding("processors", ok, detail, "" if ok else fix)


def check_data(data: Path) -> Finding:
    """Does every split have TFRecord files that can be read?"""
    fix = (
        "Name another folder with --data, or make one with "
        "'mnist-pipeline data convert'."
    )
    counts = []
    for split in SPLITS:
        files = without_litter((data / split).glob("*.tfrecord.gz"))
        if not files:
            detail = f"no *.tfrecord.gz files in {data / split}"
            return Finding("data", False, detail, fix)
        for file in files:
            if not os.access(file, os.R_OK):
                detail, allow = (
                    f"cannot read {file}",
                    f"chmod +r {shlex.quote(str(file))}",
                )
                return Finding("data", False, detail, allow)
        counts.append(f"{split} {len(files)}")
    return Finding("data", True, f"{data}, files: {', '.join(counts)}")


def check_workspace(workspace: Path) -> Finding:
    """Can a run write to the workspace, or make it?"""
    folder = _existing(workspace)
    if not folder.is_dir():
        fix = "Name another folder with --workspace."
        return Finding("workspace", False, f"{folder} is a file", fix)
    try:
        # Rights do not tell: root has all of them in /proc and on a read-only disk.
        with tempfile.TemporaryDirectory(prefix=".mnist-doctor-", dir=folder) as trial:
            Path(trial, "file").write_bytes(b"written")
    except OSError as error:
        fix = f"Name another folder with --workspace, or see that {folder} is writable."
        detail = f"cannot write to {folder} ({error.strerror})"
        return Finding("workspace", False, detail, fix)
    state = "writable" if workspace.is_dir() else f"will be made in {folder}"
    return Finding("workspace", True, f"{workspace}, {state}")


def _with_line(name: str, check: Callable[[TfxLine], Finding]) -> Finding:
    try:
        line = installed_line()
    except PipelineError as error:
        return Finding(name, False, str(error), _MAKE_AGAIN)
    return check(line)


def _runs_here(line: TfxLine) -> bool:
    return platform.python_version() in SpecifierSet(line.python_range)


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _existing(path: Path) -> Path:
    """Returns the path itself or the nearest folder above it that exists."""
    path = path.absolute()
    # Unlike Path.exists, it takes a folder that may not be looked into for none.
    return next(folder for folder in (path, *path.parents) if os.path.exists(folder))  # noqa: PTH110
