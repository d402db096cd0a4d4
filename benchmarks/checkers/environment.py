"""An environment with the other checkers, which do not install beside TFX."""

import sys
from pathlib import Path

from benchmarks.processes import run_measured
from components.checkout import PROJECT_ROOT

_REQUIREMENTS = PROJECT_ROOT / "requirements"
_LOCK = _REQUIREMENTS / "checkers.txt"


def make_environment(folder: Path, python: str) -> str:
    """Installs what ``requirements/checkers.txt`` names; returns the Python in there.

    Args:
      folder: is made.
      python: a Python 3.10, which the lock is for.

    Raises:
      PipelineError: a package cannot be had, or not for this Python.
    """
    uv = [sys.executable, str(_REQUIREMENTS / "uv_as_pip.py")]
    run_measured([*uv, "venv", "--python", python, str(folder)])
    made = str(folder / "bin" / "python")
    install = [*uv, "pip", "install", "--no-deps", "--python", made]
    run_measured([*install, "--require-hashes", "--requirement", str(_LOCK)])
    return made
