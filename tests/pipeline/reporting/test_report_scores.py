"""Precision, recall, F1 and confusions of a matrix counted by hand."""

import numpy as np
import pytest

from pipeline.reporting.scores import Confusion, class_scores, top_confusions

#            predicted  0  1  2
MATRIX = np.array([[8, 2, 0], [1, 9, 0], [0, 4, 0]])


def test_scores_of_each_class() -> None:
    zero, one, two = class_scores(MATRIX)

    assert (zero.label, one.label, two.label) == (0, 1, 2)
    assert (zero.support, one.support, two.support) == (10, 10, 4)
    assert zero.precision == pytest.approx(8 / 9)
    assert zero.recall == pytest.approx(0.8)
    assert zero.f1 == pytest.approx(2 * (8 / 9) * 0.8 / (8 / 9 + 0.8))
    assert one.precision == pytest.approx(9 / 15)
    assert one.recall == pytest.approx(0.9)


def test_a_class_that_is_never_predicted_has_no_precision() -> None:
    two = class_scores(MATRIX)[2]

    assert (two.precision, two.recall, two.f1) == (None, 0.0, 0.0)


def test_a_class_without_images_has_no_recall() -> None:
    empty = class_scores(np.array([[3, 1], [0, 0]]))[1]

    assert (empty.support, empty.precision, empty.recall) == (0, 0.0, None)


def test_confusions_come_with_the_worst_first_and_without_the_right_ones() -> None:
    assert top_confusions(MATRIX, 5) == [
        Confusion(2, 1, 4),
        Confusion(0, 1, 2),
        Confusion(1, 0, 1),
    ]


def test_no_more_confusions_than_asked_for() -> None:
    assert top_confusions(MATRIX, 1) == [Confusion(2, 1, 4)]


def test_a_perfect_model_has_no_confusion() -> None:
    assert top_confusions(np.diag([3, 4]), 5) == []
