"""Training on the page: curves, speed, recipe."""

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import tensorflow as tf
from markupsafe import Markup

from components.trainer import HISTORY_FILE
from pipeline.reporting import plots
from pipeline.reporting.sources import Sources, UnavailableError

_METRICS = ("loss", "accuracy")


@attrs.frozen(eq=False)
class Training:
    """How the model was fitted.

    Attributes:
      headings: of the columns of ``epochs``.
      epochs: of each epoch its metrics, in the order of ``headings``.
      rates: examples per second of each epoch, validation included; None where it
        is not known.
      rate: examples per second of all epochs but the first, which builds graphs; of
        the first where there is no other; None where it is not known.
      curves: a plot a metric.
    """

    headings: list[str]
    epochs: list[tuple[float, ...]]
    rates: list[float | None]
    rate: float | None
    curves: list[Markup]


def training(sources: Sources) -> Training:
    """Returns metrics and speed of each epoch, with the curves."""
    folder = sources.folder("Trainer", "model_run")
    history = json.loads((folder / HISTORY_FILE).read_text())["epochs"]
    headings = [
        key
        for metric in _METRICS
        for key in (metric, f"val_{metric}")
        if key in history
    ]
    epochs = list(zip(*(history[key] for key in headings), strict=True))
    seconds = epoch_seconds(list(_epoch_ends(folder / "train")))
    examples = examples_per_epoch(sources.summary)
    known = len(seconds) == len(epochs) and examples is not None
    return Training(
        headings=headings,
        epochs=epochs,
        rates=[examples / s for s in seconds] if known else [None] * len(epochs),
        rate=mean_rate(examples, seconds) if known else None,
        curves=[
            plots.learning_curve(metric, history, _in_words(metric, history))
            for metric in _METRICS
            if metric in history
        ],
    )


def examples_per_epoch(summary: Mapping[str, Any]) -> int | None:
    """How many examples an epoch takes, all in whole batches; None if unknown."""
    settings = summary.get("config", {}).get("train")
    available = summary["data"].get("train")
    if not settings or not available:
        return None
    used = min(settings["max_examples"] or available, available)
    return used - used % settings["batch_size"]


def epoch_seconds(moments: list[float]) -> list[float]:
    """Returns the length of each epoch.

    Args:
      moments: when training began, then when each epoch ended, in seconds.
    """
    return [end - start for start, end in itertools.pairwise(moments)]


def mean_rate(examples: int, seconds: list[float]) -> float | None:
    """Examples per second of all epochs but the first, if there are others."""
    counted = seconds[1:] or seconds
    return len(counted) * examples / sum(counted) if sum(counted) else None


def _epoch_ends(directory: Path) -> Iterator[float]:
    """Wall times that TensorBoard's events of training tell: start, ends of epochs."""
    last_step = None
    for file in sorted(map(str, directory.glob("events*"))):
        for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            step = event.step if event.summary.value else -1
            if step != last_step:
                last_step = step
                yield event.wall_time


def _in_words(metric: str, history: Mapping[str, list[float]]) -> str:
    values = history[metric]
    words = f"{metric} by epoch: training from {values[0]:.4f} to {values[-1]:.4f}"
    if validation := history.get(f"val_{metric}"):
        words += f", validation from {validation[0]:.4f} to {validation[-1]:.4f}"
    return words


def recipe(sources: Sources) -> list[tuple[str, str]]:
    """Returns the hyperparameters that the Trainer was given, names dotted."""
    if "config" not in sources.summary:
        raise UnavailableError("Not shown: this run did not record its configuration.")
    config = sources.summary["config"]
    return [*flat("model", config["model"]), *flat("train", config["train"])]


def flat(name: str, value: Any) -> list[tuple[str, str]]:
    """Flattens nested tables into dotted names, lists into one line."""
    if isinstance(value, Mapping):
        return [
            pair for key, item in value.items() for pair in flat(f"{name}.{key}", item)
        ]
    if isinstance(value, list):
        return [(name, ", ".join(map(str, value)))]
    if isinstance(value, bool):
        return [(name, "yes" if value else "no")]
    return [(name, f"{value:g}" if isinstance(value, float) else str(value))]
