"""The plots of a report, each as an SVG or PNG data URI."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from components.features import HEIGHT, MAX_PIXEL, NUM_CLASSES, WIDTH

_CANDIDATE_COLOUR = "#3b6fb6"
_WRONG_COLOUR = "#c0392b"


def training_curves(history: Mapping[str, Sequence[float]]) -> str:
    """Plots loss and accuracy by epoch, for training and validation."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    epochs = range(1, len(history["loss"]) + 1)
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(epochs, history[metric], label="train", marker=".")
        if f"val_{metric}" in history:
            axes.plot(epochs, history[f"val_{metric}"], label="val", marker=".")
        axes.set(title=metric, xlabel="epoch")
        axes.legend()
    return _svg(figure)


def confusion_matrix(counts: np.ndarray) -> str:
    """Plots counts int64 [10, 10], a row for each true digit, coloured by mistakes."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    mistakes = np.where(np.eye(NUM_CLASSES, dtype=bool), 0, counts)
    axes.imshow(mistakes, cmap="Reds")
    for (row, column), count in np.ndenumerate(counts):
        dark = mistakes[row, column] > 0.6 * mistakes.max()
        axes.text(
            column,
            row,
            str(count or ""),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )
    axes.set(
        xlabel="predicted",
        ylabel="true",
        xticks=range(NUM_CLASSES),
        yticks=range(NUM_CLASSES),
    )
    return _svg(figure)


def sample_predictions(
    images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> str:
    """Shows digits with what was predicted and how sure the model was.

    Args:
      images: uint8 [n, 784].
      labels: int64 [n], the true digits.
      probabilities: float32 [n, 10].
    """
    columns = 8
    rows = 2 * -(-len(labels) // columns)
    figure = Figure(figsize=(1.4 * columns, 1.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for index, (image, label, row) in enumerate(
        zip(images, labels, probabilities, strict=True)
    ):
        top, column = 2 * (index // columns), index % columns
        _picture(grid[top, column], image, int(label), row)
        _bars(grid[top + 1, column], int(label), row)
    return _png(figure)


def _picture(axes, image: np.ndarray, label: int, probabilities: np.ndarray) -> None:
    predicted = int(probabilities.argmax())
    axes.imshow(image.reshape(HEIGHT, WIDTH), cmap="gray_r", vmin=0, vmax=MAX_PIXEL)
    axes.set_title(
        f"{predicted} ({100 * probabilities[predicted]:.0f} %)",
        color="black" if predicted == label else _WRONG_COLOUR,
        fontsize=9,
    )


def _bars(axes, label: int, probabilities: np.ndarray) -> None:
    axes.axis("on")
    colours = [_CANDIDATE_COLOUR] * NUM_CLASSES
    if (predicted := int(probabilities.argmax())) != label:
        colours[predicted] = _WRONG_COLOUR
    axes.bar(range(NUM_CLASSES), probabilities, color=colours)
    axes.set(ylim=(0, 1), yticks=[], xticks=range(NUM_CLASSES))
    axes.tick_params(labelsize=6, length=0)


def _svg(figure: Figure) -> str:
    return _data_uri(figure, "svg", "image/svg+xml")


def _png(figure: Figure) -> str:
    return _data_uri(figure, "png", "image/png")


def _data_uri(figure: Figure, kind: str, mime: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=110)
    return f"data:{mime};base64,{base64.b64encode(buffer.getvalue()).decode()}"
