"""The plot of ``predict --plot``: the source, what the model saw, its prediction."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.errors import PipelineError
from components.features import MAX_PIXEL
from pipeline.datasets.findings import printable
from pipeline.prediction.predictor import Prediction

# More would be too small to see.
MOST = 48
_COLUMNS = 4
_CELL = (4.8, 1.6)
_AXES = 3
_LONGEST_NAME = 14
_LONGEST_TITLE = 24
_CHOSEN, _OTHER = "#3b6fb6", "#b9c7d9"


def write_plot(file: Path, shown: Sequence[Prediction], classes: Sequence[str]) -> None:
    """Draws at most ``MOST`` pictures into a PNG, which appears whole or not at all.

    Args:
      file: to write; replaced if it is there.
      shown: at least one, each of a picture that could be read.
      classes: the 10 names, in the order of the labels.

    Raises:
      PipelineError: the file cannot be written.
    """
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    size = (_CELL[0] * columns, _CELL[1] * rows)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(
        rows, _AXES * columns, squeeze=False, width_ratios=[1, 1, 1.1] * columns
    )
    for axes in grid.flat:
        axes.axis("off")
    for index, one in enumerate(shown):
        row, column = divmod(index, columns)
        source, seen, bars = grid[row, _AXES * column : _AXES * (column + 1)]
        # Only the end tells pictures of one folder apart.
        assert one.picture.seen is not None
        assert one.picture.source is not None
        name = _shorten(printable(one.picture.name))
        _draw_picture(source, one.picture.source, name)
        _draw_picture(seen, one.picture.seen.pixels, "unsure" if one.unsure else "")
        if one.probabilities is None:
            bars.set_title(one.picture.seen.state, fontsize=7)
        else:
            _draw_bars(bars, one.probabilities, classes)
    fresh = file.with_name(f".{file.name}.part")
    try:
        figure.savefig(fresh, format="png", dpi=120)
        fresh.replace(file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise PipelineError(
            f"Expected to write {file}. Received: {error.strerror or error}. Name "
            "another place with --plot."
        ) from error


def _draw_picture(axes: Axes, pixels: np.ndarray, title: str) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=MAX_PIXEL)
    axes.set_title(title, fontsize=6, parse_math=False)


def _draw_bars(axes: Axes, probabilities: np.ndarray, classes: Sequence[str]) -> None:
    axes.axis("on")
    colours = [_OTHER] * len(classes)
    best = int(probabilities.argmax())
    colours[best] = _CHOSEN
    axes.barh(range(len(classes)), probabilities, color=colours)
    names = [
        name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        for name in classes
    ]
    axes.set_yticks(range(len(classes)), names, fontsize=6, parse_math=False)
    axes.set(xlim=(0, 1), xticks=[])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.set_title(f"{100 * probabilities[best]:.1f} %", fontsize=7)
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_TITLE else f"…{name[1 - _LONGEST_TITLE :]}"
