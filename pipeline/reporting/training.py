"""Training on the page: curves, speed, recipe."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import tensorflow as tf
from markupsafe import Markup

from components.features import TRAIN, VAL
from components.hyperparameters import epoch_size
from components.training.plots import AUGMENTED_FILE
from components.training.trainer import HISTORY_FILE
from pipeline.config import flatten
from pipeline.reporting import plots, thumbnails
from pipeline.reporting.sources import Sources, UnavailableError

_METRICS = ("loss", "accuracy")
# As Keras names it.
_EPOCH_TAG = "epoch_loss"
_SHORTEST_EPOCH = 0.01


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
    history = json.loads((folder / HISTORY_FILE).read_text(encoding="utf-8"))["epochs"]
    headings = [
        key
        for metric in _METRICS
        for key in (metric, f"val_{metric}")
        if key in history
    ]
    epochs = list(zip(*(history[key] for key in headings), strict=True))
    seconds = epoch_seconds(_finished_epochs(folder / "train"))
    examples = examples_per_epoch(sources.summary)
    rates = [
        examples / seconds[epoch] if examples and epoch in seconds else None
        for epoch in range(len(epochs))
    ]
    return Training(
        headings=headings,
        epochs=epochs,
        rates=rates,
        rate=mean_rate(rates),
        curves=[
            plots.learning_curve(metric, history, _in_words(metric, history))
            for metric in _METRICS
            if metric in history
        ],
    )


def examples_per_epoch(summary: Mapping[str, Any]) -> int | None:
    """How many examples an epoch takes, repeated ones too; None if unknown."""
    settings = summary.get("config", {}).get("train")
    counts = summary["data"]
    if not settings or TRAIN not in counts:
        return None
    available = counts[TRAIN] + (counts[VAL] if settings.get("use_val") else 0)
    used = min(settings["max_examples"] or available, available)
    # Runs of older versions had no least number of steps.
    least = settings.get("min_steps", 1)
    return epoch_size(used, settings["batch_size"], least).examples


def epoch_seconds(
    files: Iterable[tuple[float, Mapping[int, float]]],
) -> dict[int, float]:
    """Returns the length of each epoch that was watched.

    Args:
      files: of each file of events when it was begun, then by epoch when that was
        written down, all in seconds.
    """
    seconds = {}
    for begun, ends in files:
        before = begun
        for epoch, end in sorted(ends.items()):
            # Curves of an earlier process are written down all at once.
            if end - before > _SHORTEST_EPOCH:
                seconds[epoch] = end - before
            before = end
    return seconds


def mean_rate(rates: Sequence[float | None]) -> float | None:
    """The mean over the same number of examples an epoch, without the first epoch.

    That one builds graphs; it is counted where no other is known.
    """
    later = [rate for rate in rates[1:] if rate]
    known = later or [rate for rate in rates if rate]
    return len(known) / sum(1 / rate for rate in known) if known else None


def _finished_epochs(directory: Path) -> Iterator[tuple[float, dict[int, float]]]:
    """What TensorBoard's events of training tell, a file at a time."""
    for file in sorted(map(str, directory.glob("events*"))):
        begun, ends = 0.0, {}
        for record in tf.data.TFRecordDataset(file).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            begun = begun or event.wall_time
            if any(value.tag == _EPOCH_TAG for value in event.summary.value):
                ends[event.step] = event.wall_time
        yield begun, ends


def _in_words(metric: str, history: Mapping[str, list[float]]) -> str:
    values = history[metric]
    words = f"{metric} by epoch: training from {values[0]:.4f} to {values[-1]:.4f}"
    if validation := history.get(f"val_{metric}"):
        words += f", validation from {validation[0]:.4f} to {validation[-1]:.4f}"
    return words


def augmented(sources: Sources) -> str:
    """Returns the Trainer's plot of augmented training images, a data URI."""
    file = sources.folder("Trainer", "model_run") / AUGMENTED_FILE
    if not file.is_file():
        raise UnavailableError("Training images were not augmented.")
    return thumbnails.embed(file.read_bytes())


def recipe(sources: Sources) -> list[tuple[str, str]]:
    """Returns the hyperparameters that the Trainer was given, names dotted.

    The temperature, which it found, is the last where there is one.
    """
    if "config" not in sources.summary:
        raise UnavailableError("Not shown: this run did not keep its configuration.")
    config = sources.summary["config"]
    told = flatten({name: config[name] for name in ("model", "train")})
    if temperature := sources.summary["model"].get("temperature"):
        told["temperature"] = round(temperature, 3)
    return [(name, in_line(value)) for name, value in told.items()]


def in_line(value: Any) -> str:
    """Formats a setting, a list in one line."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
