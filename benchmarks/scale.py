"""More records: seconds and peak memory of each node at 1, 3 and 10 times as many.

``benchmarks.run`` calls it. Each node is a process of its own, as on a cluster, so that
its peak is not hidden by the node before it; that is why each peak includes what TFX
takes once it is imported.
"""

import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from benchmarks.pipeline_run import ANY_MODEL, Task
from benchmarks.processes import module, run_measured
from benchmarks.run_log import read_epochs
from pipeline.run.node_attempts import NodeAttempts
from pipeline.run.screen import NodeScreen

FACTORS = (1, 3, 10)
# Stands among the nodes, as what the Trainer repeats.
EPOCH = "an epoch"
# One to compile in, two to take the time of.
_EPOCHS = 3
_RUN_ID = "scale"

Figures = dict[str, Any]


def run_scale(
    task: Task,
    rounds: int,
    factors: Sequence[int],
    screen: NodeScreen,
    save: Callable[[list[Figures]], None],
) -> None:
    """Measures every node at every factor in turn.

    Args:
      task: what is run; its data is written several times over.
      rounds: how often each is measured.
      factors: how many times the records.
      screen: shows what is measured.
      save: called after each run of the pipeline with the figures of all rounds, by
        factor; the last round may not have all factors yet.
    """
    nodes = json.loads(run_measured(module("benchmarks.node_ids")).output)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tasks = {factor: _multiply(task, factor, folder, screen) for factor in factors}
        done: list[Figures] = []
        for index in range(rounds):
            done.append({})
            for factor, larger in tasks.items():
                workspace = folder / f"workspace-{index}-{factor}"
                title = f"round {index + 1}/{rounds}  {factor:>2}×"
                figures = _measure(larger, workspace, nodes, title, screen)
                done[-1][str(factor)] = figures
                save(done)


def _multiply(task: Task, factor: int, folder: Path, screen: NodeScreen) -> Task:
    data = folder / f"data-{factor}"
    with screen.step(f"{factor}× the records"):
        run_measured(module("benchmarks.scale_records", task.data, data, factor))
    settings = (*task.overrides, *ANY_MODEL, f"train.epochs={_EPOCHS}")
    return attrs.evolve(task, data=data, overrides=settings)


def _measure(
    task: Task, workspace: Path, nodes: Sequence[str], title: str, screen: NodeScreen
) -> Figures:
    """Runs the nodes one by one; returns ``seconds`` and ``peak_memory`` by node."""
    attempts = NodeAttempts(workspace / "runs" / _RUN_ID)
    seconds, memory, log = {}, {}, ""
    for node in nodes:
        with screen.step(f"{title}  {node:<20}"):
            options = ["--node", node, "--run-id", _RUN_ID, "--workspace", workspace]
            done = run_measured(module("pipeline.node_runner", *options, *task.options))
        attempt = attempts.read(node)
        assert attempt is not None, f"{node} ended with 0 and left no file"
        seconds[node] = round(attempt.seconds, 2)
        memory[node] = round(done.usage.peak_memory)
        log += done.output
    seconds[EPOCH] = round(statistics.median(read_epochs(log).later), 2)
    return {"seconds": seconds, "peak_memory": memory}
