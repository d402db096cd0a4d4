"""The plots of a report, each as an ``svg`` element."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator, PercentFormatter

from components.classes import describe_class
from components.evaluation.calibration import Calibration
from pipeline.reporting.svg import BAD, FAINT, GOOD, INK, SERIES, draw

_HALF = (4.5, 3.0)
_SQUARE = (4.5, 4.3)
_MARKERS = ("o", "s", "^")
_LINES = ("-", "--", ":")
_MOST_SHADE = 0.75
_LONGEST_NAME = 18


def learning_curve(
    metric: str, history: Mapping[str, Sequence[float]], label: str
) -> Markup:
    """Plots a metric by epoch, of training and of validation.

    Args:
      metric: a key of the history; validation has it with ``val_`` before.
      history: a value an epoch for each metric.
      label: says in words what the curves show.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (name, key) in enumerate(
            (("train", metric), ("val", f"val_{metric}"))
        ):
            if key in history:
                epochs = range(1, len(history[key]) + 1)
                axes.plot(epochs, history[key], label=name, **_line(number))
        axes.set(xlabel="epoch", title=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()

    return draw(label, _HALF, paint)


def class_balance(
    shares: Mapping[str, np.ndarray], classes: Sequence[str], label: str
) -> Markup:
    """Plots the share of each class, float [classes], in each split."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        width = 0.8 / len(shares)
        for number, (split, values) in enumerate(shares.items()):
            shift = (number - (len(shares) - 1) / 2) * width
            places = np.arange(len(values)) + shift
            axes.bar(places, values, width, label=split, color=SERIES[number])
        axes.set(title="share of each class")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(visible=False, axis="x")
        _name_ticks(axes, classes)
        axes.set_ylim(top=1.25 * max(values.max() for values in shares.values()))
        axes.legend(ncols=len(shares), loc="upper center")

    return draw(label, _HALF, paint)


def pixel_histogram(
    shares: Mapping[str, np.ndarray], edges: np.ndarray, label: str
) -> Markup:
    """Plots the share of pixels by value, float [bins], in each split.

    Args:
      shares: by split.
      edges: of the bins, [bins + 1].
      label: says in words what the curves show.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for number, (split, values) in enumerate(shares.items()):
            style: dict[str, Any] = {
                "color": SERIES[number],
                "linestyle": _LINES[number],
            }
            axes.stairs(values, edges, label=split, linewidth=1.6, **style)
        axes.set(yscale="log", xlabel="pixel value", title="share of pixels by value")
        axes.set_xlim(edges[0], edges[-1])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.legend()

    return draw(label, _HALF, paint)


def confusion_matrix(counts: np.ndarray, classes: Sequence[str], label: str) -> Markup:
    """Plots counts int64 [classes, classes], a row a true class, mistakes shaded."""
    mistakes = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    most = max(mistakes.max(), 1)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.grid(visible=False)
        for (row, column), count in np.ndenumerate(counts):
            if not count:
                continue
            right = row == column
            shade = 0.25 if right else _MOST_SHADE * mistakes[row, column] / most
            axes.add_patch(
                Rectangle(
                    (column - 0.5, row - 0.5),
                    1,
                    1,
                    facecolor=GOOD if right else BAD,
                    alpha=shade,
                    linewidth=0,
                )
            )
            axes.text(column, row, count, ha="center", va="center", fontsize=8)
        limits = (-0.5, len(counts) - 0.5)
        axes.set(xlim=limits, ylim=limits[::-1], xlabel="predicted", ylabel="true")
        axes.set_xticks(range(len(counts)))
        axes.set_yticks(range(len(counts)), _short_names(classes))

    return draw(label, _SQUARE, paint)


def reliability(calibration: Calibration, label: str) -> Markup:
    """Plots accuracy by confidence over the number of predictions, by confidence."""
    bins = len(calibration.counts)
    middles = (np.arange(bins) + 0.5) / bins

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.bar(
            middles,
            np.nan_to_num(calibration.accuracy),
            0.9 / bins,
            color=SERIES[0],
            label="accuracy",
        )
        upper.plot(
            calibration.confidence,
            calibration.confidence,
            "_",
            color=SERIES[1],
            markersize=11,
            markeredgewidth=2.5,
            label="mean confidence",
        )
        upper.plot((0, 1), (0, 1), ":", color=INK, linewidth=1)
        upper.set(xlim=(0, 1), ylim=(0, 1), title="accuracy by confidence")
        upper.legend(loc="upper left")
        bars = lower.bar(middles, calibration.counts, 0.9 / bins, color=SERIES[0])
        counts = [f"{count:,}" if count else "" for count in calibration.counts]
        lower.bar_label(bars, counts, color=INK, fontsize=5.5, padding=1)
        # Most predictions are in the last bin; the others are to be seen as well.
        lower.set(xlabel="confidence", ylabel="predictions", yscale="log")
        lower.set_ylim(0.5, 10 * calibration.counts.max())
        # Powers of ten would be set as mathematics, which is off.
        lower.yaxis.set_major_formatter("{x:,.0f}")
        lower.yaxis.set_minor_locator(NullLocator())
        for axes in (upper, lower):
            axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        upper.yaxis.set_major_formatter(PercentFormatter(1.0))

    return draw(label, _SQUARE, paint)


def changes(
    values: Sequence[float | None], classes: Sequence[str], label: str
) -> Markup:
    """Plots the change of each class's accuracy, in percentage points."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        heights = [0 if value is None else 100 * value for value in values]
        colours = [GOOD if height >= 0 else BAD for height in heights]
        axes.bar(range(len(heights)), heights, color=colours)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set(title="change of accuracy, in percentage points")
        axes.grid(visible=False, axis="x")
        _name_ticks(axes, classes)

    return draw(label, _HALF, paint)


def _line(number: int) -> dict[str, Any]:
    """Tells series apart by colour, dashes and markers."""
    return {
        "color": SERIES[number],
        "linestyle": _LINES[number],
        "marker": _MARKERS[number],
    }


def _name_ticks(axes: Axes, classes: Sequence[str]) -> None:
    """Labels the x axis with digits, or with names slanted to have room."""
    names = _short_names(classes)
    named = any(len(name) > 1 for name in names)
    axes.set_xticks(range(len(names)), names)
    if named:
        axes.tick_params(axis="x", labelrotation=40)
        for tick in axes.get_xticklabels():
            tick.set_horizontalalignment("right")
            tick.set_rotation_mode("anchor")
    axes.tick_params(axis="x", color=FAINT)


def _short_names(classes: Sequence[str]) -> list[str]:
    names = [describe_class(label, classes) for label in range(len(classes))]
    return [
        name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        for name in names
    ]
