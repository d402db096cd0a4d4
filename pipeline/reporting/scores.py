"""Scores of each class, and its usual confusions, from a confusion matrix."""

import attrs
import numpy as np


@attrs.frozen
class ClassScores:
    """How well one class is found.

    Attributes:
      label: of the class.
      support: images of the class.
      precision: share of the images predicted as this class that are of it.
      recall: share of the images of this class that are predicted as it, which is
        the accuracy on them.
      f1: harmonic mean of both.

    The last three are None where they would divide by zero.
    """

    label: int
    support: int
    precision: float | None
    recall: float | None
    f1: float | None


@attrs.frozen
class Confusion:
    """One class taken for another.

    Attributes:
      label: of the images.
      predicted: what they are taken for.
      count: how many.
    """

    label: int
    predicted: int
    count: int


def class_scores(matrix: np.ndarray) -> list[ClassScores]:
    """Returns the scores of each class.

    Args:
      matrix: counts int64 [k, k], a row for each true class.
    """
    hits, support, predicted = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
    return [
        ClassScores(
            label,
            int(support[label]),
            _ratio(hits[label], predicted[label]),
            _ratio(hits[label], support[label]),
            _ratio(2 * hits[label], support[label] + predicted[label]),
        )
        for label in range(len(matrix))
    ]


def top_confusions(matrix: np.ndarray, count: int) -> list[Confusion]:
    """Returns the most frequent confusions, at most ``count``, the first the worst.

    Args:
      matrix: counts int64 [k, k], a row for each true class.
      count: how many at most.
    """
    found = [
        Confusion(int(label), int(predicted), int(matrix[label, predicted]))
        for label, predicted in np.argwhere(matrix)
        if label != predicted
    ]
    return sorted(found, key=lambda confusion: -confusion.count)[:count]


def _ratio(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
