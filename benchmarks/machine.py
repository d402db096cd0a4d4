"""What a measurement was taken on: the machine, the commit; every benchmark asks."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from components.checkout import PROJECT_ROOT

# What benchmarks write: a measurement does not change what the next one measures.
_WRITTEN = ("accuracy.json", "checkers.json", "results.json", "*.md", "*.svg")


def current_commit() -> str:
    """Returns the commit that is checked out, marked where files differ from it.

    Files that benchmarks write do not count.
    """
    commit = _git("rev-parse", "--short", "HEAD")
    written = [f":(exclude)benchmarks/{name}" for name in _WRITTEN]
    changed = _git("status", "--porcelain", "--untracked-files=no", ".", *written)
    return f"{commit}-dirty" if changed else commit or "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PROJECT_ROOT), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False
    )
    return done.stdout.strip()


def describe_machine() -> str:
    """Returns processor, cores and memory in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def installed_versions() -> dict[str, str]:
    """Returns the versions that a measurement depends on, without importing them."""
    packages = {"tfx": "tfx", "tensorflow": "tensorflow", "beam": "apache-beam"}
    found = {name: version(package) for name, package in packages.items()}
    return {"python": platform.python_version(), **found, "keras": version("keras")}
