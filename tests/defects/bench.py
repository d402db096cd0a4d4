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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from components.checkout import PROJECT_ROOT
from components.checks import Check
from components.durable import files_below, sha256
from components.gates import DATA
from components.image_spec import MNIST
from components.publishing.store import ModelStore
from pipeline import local_runner
from pipeline.cli import main
from tests.defects.kind import ANYWHERE, Refusal
from tests.defects.plants import ALL, Splits
from tests.defects.small_data import read, write

_SECONDS = 900
_PROCESSES = multiprocessing.get_context("forkserver")
# Importing starts no thread of Python's and runs nothing in TensorFlow, so what has
# only imported may fork.
_PROCESSES.set_forkserver_preload(["pipeline.cli", "pipeline.run.pipeline_run"])

# What changes the process of a run before it.
Before = Callable[[], None]


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

    def find(self, refusal: Refusal) -> Check:
        """Returns the check that must have failed."""
        failed = self.failed()
        found = [
            check
            for check in failed
            if (check.gate, check.name) == (refusal.gate, refusal.name)
            and refusal.slice in (ANYWHERE, check.slice)
        ]
        assert found, f"{[str(check) for check in failed]}\n{self.screen}"
        return found[0]


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
      pipeline: its name.
    """

    root: Path
    pipeline: str = "mnist"

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

    def arrays(self) -> Splits:
        """Reads the splits."""
        splits = {split: read(self.data, split) for split in ALL}
        return {
            split: (images.reshape(-1, *MNIST.size).astype(np.uint8), labels)
            for split, (images, labels) in splits.items()
        }

    def write(self, splits: Splits) -> None:
        """Writes splits in place of those that are there."""
        for split, (images, labels) in splits.items():
            write(self.data, split, images.reshape(len(images), MNIST.pixels), labels)

    @property
    def export(self) -> Path:
        """The export that serves."""
        return max((self.workspace / "serving" / self.pipeline).glob("[0-9]*"))

    def run(self, *args: str, before: Sequence[Before] = ()) -> Finished:
        """Runs ``mnist-pipeline run --preset quick --json``.

        Args:
          *args: more of its arguments.
          before: called in the process of the run, one after the other.
        """
        command = ["run", "--preset", "quick", "--json", "--data", str(self.data)]
        command += ["--workspace", str(self.workspace), *args]
        out, screen = self.root / "out", self.root / "screen"
        started = time.monotonic()
        process = _PROCESSES.Process(
            target=_run_command, args=(command, before, out, screen)
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
        store = ModelStore(self.workspace / "serving" / self.pipeline)
        versions = store.versions()
        assert all(store.verify(version) == {} for version in versions)
        files = [
            f"{v}/{path}" for v in versions for path, _ in files_below(store.path(v))
        ]
        return Served(versions, {file: sha256(store.base / file) for file in files})

    def plain(self, text: str) -> str:
        """Names files as from within the bench or the checkout."""
        return text.replace(f"{self.root / 'now'}/", "").replace(f"{PROJECT_ROOT}/", "")


def take_weights(export: Path) -> None:
    """Lets the trainings of this process take the weights of an export instead."""
    from components.training import fit as fitting
    from components.training import trainer
    from components.training.warm_start import warm_start

    def fit(network: Any, *_: Any) -> dict[str, list[float]]:
        assert warm_start(network, str(export))
        return {}

    # TFX loads the module of a run_fn again, so the name it comes from counts, too.
    fitting.fit = trainer.fit = fit


def stop_after_data_gate() -> None:
    """Lets the runs of this process end after DataGate."""
    whole = local_runner.compile_run

    def compile_run(*args: Any) -> Any:
        compiled = whole(*args)
        ids = [node.pipeline_node.node_info.id for node in compiled.nodes]
        del compiled.nodes[ids.index(DATA.node) + 1 :]
        return compiled

    local_runner.compile_run = compile_run


def _run_command(command: list[str], before: Sequence[Before], out: Path, screen: Path):
    """What the process of a run does."""
    for file, descriptor in ((out, 1), (screen, 2)):
        with file.open("wb") as stream:
            os.dup2(stream.fileno(), descriptor)
    # Where a model that writes files may leave them.
    os.chdir(out.parent)
    sys.argv = ["mnist-pipeline", *command]
    for change in before:
        change()
    main()
