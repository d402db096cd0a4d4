"""The exported model: its latency and its throughput.

``benchmarks.run`` calls it. The model is a pushed one, trained for one epoch: what a
network weighs does not change how fast it is.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from benchmarks.pipeline_run import ANY_MODEL, Task, run_pipeline
from benchmarks.processes import module, run_measured
from pipeline.run.screen import NodeScreen

TITLES = {
    "serving_default": "`serving_default`, serialized Examples",
    "predict_pixels": "`predict_pixels`, uint8 arrays",
    "predict_image": "`predict_image`, PNG",
    "bare_compiled": "bare Keras network in a `tf.function`, uint8 arrays",
    "bare_called": "bare Keras network, `model(x)`, uint8 arrays",
    "bare_predict": "bare Keras network, `predict_on_batch`, uint8 arrays",
    "bare_ready": "bare Keras network in a `tf.function`, scaled floats",
}
# Given the same as ``predict_pixels``.
BARE_WAYS = ("bare_compiled", "bare_called", "bare_predict")


def run_serving(
    task: Task, rounds: int, screen: NodeScreen, save: Callable[[dict[str, Any]], None]
) -> None:
    """Pushes a model and times it.

    Args:
      task: what the model is trained on and how.
      rounds: how often each signature is timed.
      screen: shows what is done.
      save: called with the figures, by signature.
    """
    settings = (*task.overrides, *ANY_MODEL, "train.epochs=1")
    short = attrs.evolve(task, overrides=settings)
    with tempfile.TemporaryDirectory() as name:
        with screen.step("a model to serve"):
            model = run_pipeline(short, Path(name)).summary["model"]["path"]
        with screen.step(f"serving, {rounds} rounds"):
            options = [*task.options, "--rounds", rounds]
            done = run_measured(module("benchmarks.serving_load", model, *options))
    save(json.loads(done.output))
