"""A workspace with a served model, in which each case plants its defect and runs.

Every run is a process of its own, forked from one that has imported TensorFlow and
TFX, and executes ``mnist-pipeline run`` as the console script does.
"""

import json
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from components.checks import Check
from components.durable import files_below, sha256
from components.publishing.store import ModelStore
from pipeline.cli import main

EXIT_CODES = {"data": 3, "model": 4, "serving": 5}
_SECONDS = 600
_PROCESSES = multiprocessing.get_context("forkserver")
# Importing starts no thread of Python's and runs nothing in TensorFlow, so what has
# only imported may fork.
_PROCESSES.set_forkserver_preload(["pipeline.cli", "pipeline.run.pipeline_run"])

Plant = Callable[[], None]


@attrs.frozen
class Refusal:
    """The check that must stop a defect.

    Attributes:
      gate: ``data``, ``model`` or ``serving``.
      name: of the check.
      slice: where the check looked.
      value: equals what it saw.
      bound: equals what it allows.
    """

    gate: str
    name: str
    slice: str
    value: Any
    bound: Any


@attrs.frozen(eq=False)
class Between:
    """Equals every number from ``least`` to ``most``."""

    least: float
    most: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float | int) and self.least <= other <= self.most


class Saying:
    """Equals every text that holds all parts."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and all(part in other for part in self._parts)

    def __repr__(self) -> str:
        return f"Saying{self._parts}"


@attrs.frozen
class Finished:
    """A run that ended.

    Attributes:
      code: what the process returned.
      out: what it printed; ``summary.json``.
      screen: what it showed on the way, for people.
      seconds: wall time of the process.
    """

    code: int | None
    out: str
    screen: str
    seconds: float

    @property
    def summary(self) -> dict[str, Any]:
        """The printed ``summary.json``."""
        return json.loads(self.out)

    def failed(self) -> list[Check]:
        """Every check that failed."""
        checks = [Check(**fields) for fields in self.summary["checks"]]
        return [check for check in checks if not check.passed]


@attrs.frozen
class Served:
    """What a model server finds.

    Attributes:
      versions: oldest first; the last one serves.
      digests: path below the folder of versions to SHA-256, of every file.
    """

    versions: list[int]
    digests: dict[str, str]


@attrs.frozen
class Bench:
    """Good data and a workspace with a pushed model, put back before each case.

    Attributes:
      root: where all of it is.
    """

    root: Path

    @property
    def data(self) -> Path:
        """Holds ``train/``, ``val/`` and ``test/``."""
        return self.root / "now" / "data"

    @property
    def workspace(self) -> Path:
        """The workspace of every run. Its path is in the metadata, so it stays."""
        return self.root / "now" / "workspace"

    def keep(self) -> None:
        """Makes what there is now what ``reset`` puts back."""
        shutil.copytree(self.root / "now", self.root / "kept", symlinks=True)

    def reset(self) -> None:
        """Puts data and workspace back, with the times that caching looks at."""
        shutil.rmtree(self.root / "now")
        shutil.copytree(self.root / "kept", self.root / "now", symlinks=True)

    def run(self, *args: str, plant: Plant | None = None) -> Finished:
        """Runs ``mnist-pipeline run --preset quick --json``.

        Args:
          *args: more of its arguments.
          plant: called in the process of the run, before it.
        """
        command = ["run", "--preset", "quick", "--json", "--data", str(self.data)]
        command += ["--workspace", str(self.workspace), *args]
        out, screen = self.root / "out", self.root / "screen"
        started = time.monotonic()
        process = _PROCESSES.Process(
            target=_run_command, args=(command, plant, out, screen)
        )
        process.start()
        process.join(_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        seconds = time.monotonic() - started
        return Finished(process.exitcode, out.read_text(), screen.read_text(), seconds)

    def served(self) -> Served:
        """Reads what a model server would find now, and checks its manifests."""
        store = ModelStore(self.workspace / "serving" / "mnist")
        versions = store.versions()
        assert all(store.verify(version) == {} for version in versions)
        files = [
            f"{v}/{path}" for v in versions for path, _ in files_below(store.path(v))
        ]
        return Served(versions, {file: sha256(store.base / file) for file in files})

    def plain(self, text: str) -> str:
        """Names files as from within the bench."""
        return text.replace(f"{self.root / 'now'}/", "")


def _run_command(command: list[str], plant: Plant | None, out: Path, screen: Path):
    """What the process of a run does."""
    for file, descriptor in ((out, 1), (screen, 2)):
        with file.open("wb") as stream:
            os.dup2(stream.fileno(), descriptor)
    sys.argv = ["mnist-pipeline", *command]
    if plant is not None:
        plant()
    main()
