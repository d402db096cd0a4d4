"""A project of its own, with a small part of MNIST, to run the pipeline in."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from components.checkout import PROJECT_ROOT
from tests.e2e.postgres_server import Server, find_programs, running_server

SIZES = {"train": 4000, "val": 500, "test": 1000}


@attrs.frozen
class Finished:
    """A command that ended.

    Attributes:
      code: its exit code.
      out: what it printed.
      err: what it printed as errors.
    """

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The printed ``summary.json``."""
        return json.loads(self.out)

    def states(self) -> dict[str, str]:
        """The state of each node that does work; a resolver is never cached."""
        return {
            component["id"]: component["state"]
            for component in self.summary["components"]
            if not component["id"].endswith("Resolver")
        }

    def rerun(self) -> set[str]:
        """The nodes that ran."""
        return {node for node, state in self.states().items() if state == "done"}


@attrs.frozen
class Project:
    """A copy of the code with small data, where nothing else runs.

    Attributes:
      root: of the copy.
    """

    root: Path

    def command(self, *args: str) -> Finished:
        """Runs a Python module or script with the copy's code."""
        # As in an activated environment: TFX's CLI calls pip by name.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, *args],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root), "PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def run(self, *args: str) -> Finished:
        """Runs ``mnist-pipeline run --preset quick --json``."""
        cli = ["-m", "pipeline.cli", "run", "--preset", "quick", "--json"]
        return self.command(*cli, *args)

    def append(self, file: str, text: str) -> None:
        """Adds a line to a file of the copy."""
        with (self.root / file).open("a") as stream:
            stream.write(text)


@pytest.fixture(scope="session")
def small_mnist(make_small_mnist: Callable[[dict[str, int]], Path]) -> Path:
    """The first records of each bundled split, in the record layout."""
    return make_small_mnist(SIZES)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server that nothing else uses."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; apt-get install postgresql")
    with running_server(programs) as server:
        yield server


@pytest.fixture(scope="session")
def make_project(
    small_mnist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Project]:
    """Makes a fresh copy of the code and the small data."""

    def make() -> Project:
        root = tmp_path_factory.mktemp("project")
        for package in ("pipeline", "components", "schema"):
            shutil.copytree(PROJECT_ROOT / package, root / package)
        shutil.copytree(small_mnist, root / "data" / "mnist")
        return Project(root)

    return make
