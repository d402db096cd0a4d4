"""Calibration on predictions small enough to bin by hand."""

import numpy as np
import pytest

from components.evaluation.calibration import BINS, calibrate


def test_there_are_fifteen_bins() -> None:
    assert len(calibrate(np.array([0.5]), np.array([True])).counts) == BINS == 15


def test_counts_confidence_and_accuracy_of_each_bin() -> None:
    # Two bins: (0, 0.5] and (0.5, 1].
    found = calibrate(
        np.array([0.3, 0.5, 0.8, 0.9, 1.0]),
        np.array([False, True, True, True, False]),
        bins=2,
    )

    assert found.counts.tolist() == [2, 3]
    np.testing.assert_allclose(found.confidence, [0.4, 0.9])
    np.testing.assert_allclose(found.accuracy, [0.5, 2 / 3])


def test_the_error_weighs_each_gap_by_its_predictions() -> None:
    found = calibrate(
        np.array([0.3, 0.5, 0.8, 0.9, 1.0]),
        np.array([False, True, True, True, False]),
        bins=2,
    )

    # |0.5 − 0.4| · 2/5 + |2/3 − 0.9| · 3/5
    assert found.error == pytest.approx(0.04 + 0.14)
    # (0.4 − 0.5) · 2/5 + (0.9 − 2/3) · 3/5
    assert found.bias == pytest.approx(-0.04 + 0.14)


@pytest.mark.parametrize(
    ("confidence", "place"),
    [(1 / 15, 0), (1 / 15 + 1e-9, 1), (14 / 15 + 1e-9, 14), (1.0, 14), (1 + 1e-7, 14)],
)
def test_a_bin_holds_its_upper_edge(confidence: float, place: int) -> None:
    counts = calibrate(np.array([confidence]), np.array([True])).counts

    assert np.flatnonzero(counts).tolist() == [place]


def test_empty_bins_have_no_accuracy_and_no_part_in_the_error() -> None:
    found = calibrate(np.array([0.95, 0.95]), np.array([True, False]), bins=10)

    assert np.isnan(found.accuracy[:9]).all()
    assert found.error == pytest.approx(0.45)


def test_a_model_that_is_as_right_as_it_is_sure_has_no_error() -> None:
    correct = np.arange(100) < 75

    assert calibrate(np.full(100, 0.75), correct).error == pytest.approx(0.0)
