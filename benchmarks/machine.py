"""What a measurement was taken on: the machine, the commit; every benchmark asks."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from pipeline.config import PROJECT_ROOT


def current_commit() -> str:
    """Returns the commit that is checked out, marked where files differ from it."""
    command = ["git", "-C", str(PROJECT_ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def describe_machine() -> str:
    """Returns processor, cores and memory in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def installed_versions() -> dict[str, str]:
    """Returns the versions that a measurement depends on, without importing them."""
    packages = {"tfx": "tfx", "tensorflow": "tensorflow", "beam": "apache-beam"}
    found = {name: version(package) for name, package in packages.items()}
    return {"python": platform.python_version(), **found, "keras": version("keras")}
