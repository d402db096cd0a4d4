"""Whole processes side by side: this pipeline, TFX's packaged example, bare Keras.

``benchmarks.run`` calls it. All work on the same records, in turn, round after round,
so that what a round has in common does not tell them apart.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from benchmarks.pipeline_run import PipelineRun, Task, run_pipeline
from benchmarks.processes import Usage, module, run_measured
from benchmarks.run_log import read_epochs
from benchmarks.tfx_peer import AS_SHIPPED, IN_MEMORY, run_example, write_records
from pipeline.run.screen import NodeScreen

OURS, CACHED, SHIPPED, BEST, BARE = "ours", "cached", "tfx_shipped", "tfx_best", "bare"
TITLES = {
    OURS: "this pipeline, fresh workspace",
    CACHED: "this pipeline, nothing changed",
    SHIPPED: "TFX's example as shipped",
    BEST: "TFX's example, Beam in memory",
    BARE: "bare Keras script",
}

Figures = dict[str, Any]


@attrs.frozen
class Round:
    """One round: each contender once.

    Attributes:
      task: what they work on.
      records: the same records in the layout of TFX's example.
      folder: for what this round writes.
    """

    task: Task
    records: Path
    folder: Path

    def measure(self, contender: str) -> Figures:
        """Runs a contender; returns wall, user_cpu, peak_memory and what it tells."""
        return _MEASURES[contender](self)


def run_contenders(
    task: Task,
    rounds: int,
    peers: bool,
    screen: NodeScreen,
    save: Callable[[list[Figures]], None],
) -> None:
    """Measures all contenders in turn.

    Args:
      task: what they work on.
      rounds: how often each is measured.
      peers: measure those that are not this pipeline as well.
      screen: shows what is measured.
      save: called after each round with the figures of all rounds, by contender.
    """
    done: list[Figures] = []
    with tempfile.TemporaryDirectory() as name:
        records = Path(name, "records")
        if peers:
            with screen.step("records for TFX's example"):
                write_records(task.data, records)
        for index in range(rounds):
            folder = Path(name, str(index))
            figures = {}
            for contender in TITLES if peers else (OURS, CACHED):
                title = TITLES[contender]
                with screen.step(f"round {index + 1}/{rounds}  {title:<32}"):
                    now = Round(task, records, folder)
                    figures[contender] = now.measure(contender)
            done.append(figures)
            save(done)


def _usage(usage: Usage) -> Figures:
    return {key: round(value, 1) for key, value in attrs.asdict(usage).items()}


def _ours(now: Round) -> Figures:
    run = run_pipeline(now.task, now.folder / "workspace")
    return {
        **_usage(run.usage),
        "accuracy": run.summary["metrics"]["accuracy"],
        "outside_training": round(run.usage.wall - _training_seconds(now.task, run), 1),
        "node_seconds": {
            component["id"]: component["seconds"]
            for component in run.summary["components"]
        },
    }


def _training_seconds(task: Task, run: PipelineRun) -> float:
    examples = task.epoch_examples(run.summary["data"]["train"])
    return read_epochs(run.log).total(examples)


def _cached(now: Round) -> Figures:
    return _usage(run_pipeline(now.task, now.folder / "workspace").usage)


def _tfx_shipped(now: Round) -> Figures:
    run = run_example(AS_SHIPPED, now.records, now.folder / "shipped")
    return {**_usage(run.usage), "accuracy": run.accuracy}


def _tfx_best(now: Round) -> Figures:
    run = run_example(IN_MEMORY, now.records, now.folder / "best")
    return {**_usage(run.usage), "accuracy": run.accuracy}


def _bare(now: Round) -> Figures:
    done = run_measured(module("benchmarks.bare_keras", *now.task.options))
    # Keras says where it exported to; our line is the last.
    return {**_usage(done.usage), **json.loads(done.output.splitlines()[-1])}


_MEASURES: dict[str, Callable[[Round], Figures]] = {
    OURS: _ours,
    CACHED: _cached,
    SHIPPED: _tfx_shipped,
    BEST: _tfx_best,
    BARE: _bare,
}
