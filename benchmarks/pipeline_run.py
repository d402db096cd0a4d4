"""Runs the pipeline as a person would, and measures the process."""

import json
from pathlib import Path
from typing import Any

import attrs

from benchmarks.processes import Usage, module, run_measured
from components.hyperparameters import epoch_size
from pipeline.config import load_config

# Few epochs, or an untrained network, would not pass as a model; here speed counts.
ANY_MODEL = (
    "evaluation.min_accuracy=0.0",
    "evaluation.max_loss=1e9",
    "evaluation.min_digit_accuracy=0.0",
    "evaluation.weak_spots=warn",
)


@attrs.frozen
class Task:
    """What every contender works on.

    Attributes:
      data: folder with ``train/``, ``val/`` and ``test/``.
      preset: of the configuration.
      overrides: ``key=value`` settings on top of it.
    """

    data: Path
    preset: str
    overrides: tuple[str, ...] = ()

    @property
    def options(self) -> list[str]:
        """The same as options of a command."""
        settings = [part for one in self.overrides for part in ("--set", one)]
        return ["--data", str(self.data), "--preset", self.preset, *settings]

    def epoch_examples(self, available: int) -> int:
        """Returns how many of the examples of the training split an epoch takes."""
        train = load_config(self.preset, overrides=self.overrides).train
        taken = min(available, train.max_examples or available)
        return epoch_size(taken, train.batch_size, train.min_steps).examples


@attrs.frozen
class PipelineRun:
    """A run that pushed a model.

    Attributes:
      usage: what its process took.
      summary: the content of ``summary.json``.
      log: what it logged.
    """

    usage: Usage
    summary: dict[str, Any]
    log: str


def run_pipeline(task: Task, workspace: Path) -> PipelineRun:
    """Runs ``mnist-pipeline run``; what the workspace holds already is cached.

    Raises:
      PipelineError: it pushed no model.
    """
    options = [*task.options, "--workspace", workspace, "--json"]
    done = run_measured(module("pipeline.cli", "run", *options))
    summary = json.loads(done.output)
    log = workspace / "logs" / f"{summary['run_id']}.log"
    return PipelineRun(done.usage, summary, log.read_text(encoding="utf-8"))
