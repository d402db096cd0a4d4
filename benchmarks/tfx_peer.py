"""TFX's packaged MNIST example as a contender: its folders, its process, its accuracy.

It keeps everything below HOME, so each run has a HOME of its own, which holds our
records in its layout and a copy of its module file.
"""

import importlib.util
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import attrs

from benchmarks.processes import Usage, module, run_measured

AS_SHIPPED = module("tfx.examples.mnist.mnist_pipeline_native_keras")
IN_MEMORY = module("benchmarks.tfx_example")
_MODULE = "mnist_utils_native_keras.py"
_ROOT = "tfx/pipelines/mnist_native_keras"


@attrs.frozen
class PeerRun:
    """A run of the example.

    Attributes:
      usage: what its process took.
      accuracy: that it measured on the part it split off for evaluation, a third.
    """

    usage: Usage
    accuracy: float


def write_records(data: Path, folder: Path) -> int:
    """Writes our records in the example's layout; returns how many there are."""
    return json.loads(
        run_measured(module("benchmarks.tfx_records", data, folder)).output
    )


def run_example(command: Sequence[str], records: Path, home: Path) -> PeerRun:
    """Runs the example in a new HOME.

    Args:
      command: ``AS_SHIPPED`` or ``IN_MEMORY``.
      records: from ``write_records``.
      home: is made.

    Raises:
      PipelineError: it failed.
    """
    (home / "mnist").mkdir(parents=True)
    # Beam leaves folders behind; they go with this one.
    (home / "tmp").mkdir()
    (home / "mnist" / "data").symlink_to(records.resolve())
    shutil.copy(_package_folder() / _MODULE, home / "mnist")
    env = {"HOME": str(home), "TMPDIR": str(home / "tmp")}
    usage = run_measured(command, env=env).usage
    read = run_measured(module("benchmarks.tfx_accuracy", home / _ROOT))
    return PeerRun(usage, float(read.output))


def _package_folder() -> Path:
    """Finds the example without importing TFX, which would make this process large."""
    found = importlib.util.find_spec("tfx")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "examples" / "mnist"
