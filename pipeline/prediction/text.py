"""Predictions as people and programs read them: rows of a table, lines of JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.cells import cell_len, set_cell_size

from components.features import UNKNOWN
from components.pictures.trust import UNLIKE, UNSURE, Bounds
from pipeline.datasets.findings import printable
from pipeline.prediction.predictor import Prediction, ServedModel

_WIDEST_NAME = 120


class Table:
    """Rows that are printed while they come; the first ones give the widths.

    Args:
      model: gives the names of the classes and the bounds of trust.
      top: how many classes to name for each picture.
    """

    def __init__(self, model: ServedModel, top: int) -> None:
        self._classes = model.classes
        self._reasons = reasons(model.bounds)
        self._top = top
        widest = map(cell_len, [*self._classes, "too small"])
        self._class_width = max(len("class"), *widest)
        self._name_width = 0

    def lines(self, predictions: Sequence[Prediction]) -> Iterator[str]:
        """Yields the rows of a batch, the heading before the first."""
        if not self._name_width:
            longest = max(cell_len(printable(p.picture.name)) for p in predictions)
            self._name_width = min(max(len("image"), longest), _WIDEST_NAME)
            others = "others, %; what was done" if self._top > 1 else "what was done"
            yield self._row("image", "class", "%", others)
        for one in predictions:
            yield self._line(one)

    def _line(self, one: Prediction) -> str:
        name = printable(one.picture.name)
        seen = one.picture.seen
        if seen is None:
            return f"{self._pad(name)}  {one.picture.error}"
        if one.probabilities is None:
            return self._row(name, seen.state, "", seen.note)
        best, *others = _ranked(one.probabilities, self._top)
        listed = ", ".join(
            f"{self._classes[i]} {100 * one.probabilities[i]:.2f}" for i in others
        )
        said = [listed, self._reasons.get(one.trust, ""), seen.note]
        percent = f"{100 * one.probabilities[best]:.2f}"
        rest = "; ".join(filter(None, said))
        return self._row(name, self._classes[best], percent, rest)

    def _row(self, name: str, chosen: str, percent: str, rest: str) -> str:
        chosen = set_cell_size(chosen, self._class_width)
        return f"{self._pad(name)}  {chosen}  {percent:>6}  {rest}".rstrip()

    def _pad(self, name: str) -> str:
        return name + " " * (self._name_width - cell_len(name))


class JsonLines:
    """One JSON object a picture, a line each.

    ``image``, then ``state``. Where that is ``read``: ``class_id``, ``class``,
    ``probability``, ``top`` (the same three for each of the likeliest classes),
    ``unsure`` (null where the model was pushed without a measure) and ``why``. Then
    ``dark``, whether the ink was darker than its ground, ``box`` (left, top, right and
    bottom of what was cropped, or null) and ``note``. Or ``image`` and ``error``.

    Args:
      model: gives the names of the classes and the bounds of trust.
      top: how many classes to list for each picture.
    """

    def __init__(self, model: ServedModel, top: int) -> None:
        self._classes = model.classes
        self._reasons = reasons(model.bounds)
        self._top = top

    def lines(self, predictions: Sequence[Prediction]) -> Iterator[str]:
        """Yields the lines of a batch."""
        for one in predictions:
            yield json.dumps({"image": one.picture.name, **self._answer(one)})

    def _answer(self, one: Prediction) -> dict[str, Any]:
        seen = one.picture.seen
        if seen is None:
            return {"error": one.picture.error}
        return {
            "state": seen.state,
            **self._classes_of(one),
            "dark": seen.dark,
            "box": seen.box,
            "note": seen.note,
        }

    def _classes_of(self, one: Prediction) -> dict[str, Any]:
        if one.probabilities is None:
            return {}
        top = [
            {
                "class_id": i,
                "class": self._classes[i],
                "probability": float(one.probabilities[i]),
            }
            for i in _ranked(one.probabilities, self._top)
        ]
        unsure = None if one.trust == UNKNOWN else one.unsure
        why = self._reasons.get(one.trust)
        return {**top[0], "top": top, "unsure": unsure, "why": why}


def reasons(bounds: Bounds | None) -> dict[str, str]:
    """Says of each kind of unsure prediction why."""
    if bounds is None:
        return {}
    low = (
        "unsure: no confidence was right often enough"
        if bounds.confidence is None
        else f"unsure: below {100 * bounds.confidence:.1f} %"
    )
    return {UNSURE: low, UNLIKE: "unsure: unlike the training data"}


def _ranked(probabilities: np.ndarray, count: int) -> list[int]:
    """The labels of the highest probabilities, the lower label first of equals."""
    return np.argsort(-probabilities, kind="stable")[:count].tolist()
