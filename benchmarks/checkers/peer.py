"""Gives the data sets to one of the other checkers, in the environment of these.

python -m benchmarks.checkers.peer CHECKER FOLDER OUT
"""

import importlib
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.checkers.exchange import check_all


def main() -> None:
    """Writes what the checker found into the file OUT."""
    name, folder, out = sys.argv[1:]
    checker = importlib.import_module(f"benchmarks.checkers.in_{name}")
    versions = {package: version(package) for package in checker.PACKAGES}
    check_all(Path(folder), checker.check, versions, Path(out))


if __name__ == "__main__":
    main()
