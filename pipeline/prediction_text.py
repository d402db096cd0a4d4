"""Predictions as people and programs read them: rows of a table, lines of JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len, set_cell_size

from pipeline.prediction import Prediction

_WIDEST_NAME = 120


class Table:
    """Rows that are printed while they come; the first ones give the widths.

    Args:
      classes: the 10 names, in the order of the labels.
      top: how many classes to name for each picture.
    """

    def __init__(self, classes: Sequence[str], top: int) -> None:
        self._classes = classes
        self._top = top
        self._class_width = max(len("class"), *map(cell_len, classes))
        self._name_width = 0

    def lines(self, predictions: Sequence[Prediction]) -> Iterator[str]:
        """Yields the rows of a batch, the heading before the first."""
        if not self._name_width:
            longest = max(cell_len(printable(p.picture.name)) for p in predictions)
            self._name_width = min(max(len("image"), longest), _WIDEST_NAME)
            others = "others, %" if self._top > 1 else ""
            yield self._row("image", "class", "%", others)
        for one in predictions:
            yield self._line(one)

    def _line(self, one: Prediction) -> str:
        name = printable(one.picture.name)
        if one.probabilities is None:
            return f"{self._pad(name)}  {one.picture.error}"
        best, *others = _ranked(one.probabilities, self._top)
        said = [f"{self._classes[i]} {100 * one.probabilities[i]:.2f}" for i in others]
        if one.picture.looks_inverted:
            said.append("looks inverted")
        percent = f"{100 * one.probabilities[best]:.2f}"
        return self._row(name, self._classes[best], percent, ", ".join(said))

    def _row(self, name: str, chosen: str, percent: str, rest: str) -> str:
        chosen = set_cell_size(chosen, self._class_width)
        return f"{self._pad(name)}  {chosen}  {percent:>6}  {rest}".rstrip()

    def _pad(self, name: str) -> str:
        return name + " " * (self._name_width - cell_len(name))


class JsonLines:
    """One JSON object a picture, a line each.

    ``image``, then ``class_id``, ``class``, ``probability``, ``top`` (the same three
    for each of the likeliest classes) and ``looks_inverted``; or ``image`` and
    ``error``.

    Args:
      classes: the 10 names, in the order of the labels.
      top: how many classes to list for each picture.
    """

    def __init__(self, classes: Sequence[str], top: int) -> None:
        self._classes = classes
        self._top = top

    def lines(self, predictions: Sequence[Prediction]) -> Iterator[str]:
        """Yields the lines of a batch."""
        for one in predictions:
            yield json.dumps({"image": one.picture.name, **self._answer(one)})

    def _answer(self, one: Prediction) -> dict[str, Any]:
        if one.probabilities is None:
            return {"error": one.picture.error}
        top = [
            {
                "class_id": i,
                "class": self._classes[i],
                "probability": float(one.probabilities[i]),
            }
            for i in _ranked(one.probabilities, self._top)
        ]
        return {**top[0], "top": top, "looks_inverted": one.picture.looks_inverted}


def printable(name: str) -> str:
    """Returns a file's name with what cannot be printed escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


def _ranked(probabilities: np.ndarray, count: int) -> list[int]:
    """The labels of the highest probabilities, the lower label first of equals."""
    return np.argsort(-probabilities, kind="stable")[:count].tolist()
