"""Runs with a planted fault, and what the tests ask of a workspace afterwards."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import attrs

from components.checkout import PROJECT_ROOT
from components.publishing.store import ModelStore

# The faults are about files and processes; any model will do.
SETTINGS = {
    "train.epochs": 1,
    "train.learning_rate": 0.01,
    "data_gate.drift": '"off"',
    "data_gate.balance": '"off"',
    "evaluation.min_accuracy": 0.0,
    "evaluation.min_digit_accuracy": 0.0,
    "evaluation.max_loss": 100.0,
    "evaluation.max_accuracy_drop": 1.0,
    "evaluation.max_digit_accuracy_drop": 1.0,
    "evaluation.weak_spots": '"off"',
    "evaluation.meaning": '"off"',
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
BALLAST = "ballast"
_NODE = re.compile(r"^  (\w+) +(done|cached|failed|not run)", re.MULTILINE)


@attrs.frozen
class Ended:
    """A run that ended, by itself or not.

    Attributes:
      code: its exit code; a signal is negative.
      out: what it printed.
      err: what it printed as errors, its progress included.
    """

    code: int
    out: str
    err: str

    def nodes(self) -> dict[str, str]:
        """The state of each node that came to an end and does work."""
        return {
            node: state
            for node, state in _NODE.findall(self.err)
            if not node.endswith("Resolver") and node not in ("load", "report")
        }


@attrs.frozen
class Workspace:
    """A folder to run the pipeline in, on little data.

    Attributes:
      path: the folder.
      data: the records.
    """

    path: Path
    data: Path

    def command(self, *args: str, fault: tuple[str, ...] = ()) -> list[str]:
        """Returns the command line of ``run``, as ``run`` calls it."""
        program = ["-m", "pipeline.cli"]
        if fault:
            faulty = str(Path(__file__).parent / "faulty_cli.py")
            program = [faulty, *fault, "--"]
        settings = [
            part
            for key, value in SETTINGS.items()
            for part in ("--set", f"{key}={value}")
        ]
        places = ["--workspace", str(self.path), "--data", str(self.data)]
        options = ["run", "--preset", "quick", *places, *settings, *args]
        return [sys.executable, *program, *options]

    def run(self, *args: str, fault: tuple[str, ...] = ()) -> Ended:
        """Runs ``mnist-pipeline run``, with a fault of ``faulty_cli`` if one is named.

        Args:
          *args: more options.
          fault: what, in which node and, for a full disk, where.
        """
        done = subprocess.run(
            self.command(*args, fault=fault),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=600,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def store(self) -> ModelStore:
        """The published versions."""
        return ModelStore(self.path / "serving" / "mnist")

    def outputs(self) -> dict[str, set[str]]:
        """The numbers of the executions with files, by node."""
        found: dict[str, set[str]] = {}
        for folder in (self.path / "artifacts").glob("*/[!.]*/*"):
            found.setdefault(folder.parents[1].name, set()).add(folder.name)
        return found

    def temporary(self) -> list[str]:
        """What should not outlast a run that came to its end."""
        patterns = (
            "artifacts/*/.system/stateful_working_dir/*",
            "artifacts/*/.system/executor_execution/*/.temp",
            "checkpoints/*",
            "serving/*/.incoming-*",
            "serving/*/.removed-*",
            "reports/*/.*.part",
            "reports/.latest-*",
            ".lock-holder.json",
        )
        return [
            str(path.relative_to(self.path))
            for pattern in patterns
            for path in self.path.glob(pattern)
        ]


def fill(folder: Path) -> None:
    """Takes all the room there is on the disk of a folder, with a file there."""
    for size in (1 << 16, 1):
        with (
            contextlib.suppress(OSError),
            (folder / BALLAST).open("ab", buffering=0) as file,
        ):
            while file.write(bytes(size)):
                pass
