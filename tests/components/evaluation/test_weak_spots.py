"""Weak spots: slices of the data, the worst of them, and the bounds."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from components.evaluation.weak_spots import (
    SliceResult,
    draw_mistakes,
    find_slices,
    measure_slices,
    slice_checks,
    worst,
)
from components.gate_settings import ModelGateSettings
from tests.components.evaluation.answered import answers, records, right_but

SETTINGS = ModelGateSettings()
COUNT = 900


def bars(widths: np.ndarray) -> np.ndarray:
    """Upright bars of some widths, uint8 [n, 12, 16]."""
    columns = np.arange(16)
    inked = (columns >= 2) & (columns < 2 + widths[:, None])
    images = np.zeros((len(widths), 12, 16), np.uint8)
    images[:, 2:10] = np.where(inked, 200, 0)[:, None]
    return images


@pytest.fixture
def held_out():
    """Records of bars of three widths, each label as often with each."""
    numbers = np.arange(COUNT)
    return records(numbers % 10, bars(2 + 4 * (numbers // 10 % 3)))


def thin(split) -> np.ndarray:
    return split.images.sum(axis=(1, 2)) == split.images.sum(axis=(1, 2)).min()


def test_the_thirds_are_of_the_data_and_hold_what_is_alike(held_out):
    slices = {one.name: one.mask for one in find_slices(right_but(held_out, False))}

    for trait in ("thickness", "size", "brightness"):
        names = [f"{trait}, {third} third" for third in ("lowest", "middle", "highest")]
        thirds = [slices[name] for name in names]
        assert [mask.sum() for mask in thirds] == [300, 300, 300]
        assert (np.sum(thirds, axis=0) == 1).all()
        np.testing.assert_array_equal(thirds[0], thin(held_out))
    # All bars stand upright, so that there is nothing to cut in three.
    assert not any(name.startswith("slant") for name in slices)


def test_the_pairs_are_those_that_are_confused_most():
    split = records(np.arange(3000) % 10)
    predicted = split.labels.copy()
    predicted[:300][split.labels[:300] == 7] = 1
    predicted[:200][split.labels[:200] == 1] = 7
    predicted[:100][split.labels[:100] == 2] = 8
    names = [one.name for one in find_slices(answers(split, predicted))]

    assert [name for name in names if name.startswith("digit")] == [
        "digit 1 and 7",
        "digit 2 and 8",
    ]


def test_slices_of_few_records_are_left_out():
    split = records(np.arange(500) % 10)

    assert find_slices(right_but(split, split.labels == 3)) == []
    assert slice_checks([], SETTINGS) == []


def test_the_worst_slice_and_the_largest_drop_are_judged(held_out):
    weak = thin(held_out) & (np.arange(COUNT) % 4 == 0)
    candidate, baseline = right_but(held_out, weak), right_but(held_out, False)
    results = measure_slices(find_slices(candidate), candidate, baseline)
    accuracy, drop = slice_checks(results, SETTINGS)

    assert worst(results).accuracy == pytest.approx(0.75, abs=0.01)
    assert "lowest third" in accuracy.slice
    assert (accuracy.name, accuracy.stops) == ("worst slice", True)
    assert accuracy.baseline == 1.0
    assert (drop.name, drop.stops) == ("slice accuracy drop", True)
    assert drop.value == pytest.approx(1 - accuracy.value)
    assert "evaluation.min_slice_accuracy" in accuracy.advice
    assert "evaluation.max_slice_drop" in drop.advice


def test_mistakes_that_lie_anywhere_are_no_weak_spot():
    split = records(np.arange(6000) % 10)
    scattered = np.random.default_rng(1).random(6000) < 0.02
    candidate = right_but(split, scattered)
    results = measure_slices(find_slices(candidate), candidate, candidate)

    assert len(results) >= 6
    assert [check.passed for check in slice_checks(results, SETTINGS)] == [True, True]


def result(accuracy: float, baseline: float | None = None, records: int = 10**6):
    return SliceResult("slant, lowest third", records, accuracy, baseline)


@pytest.mark.parametrize(
    ("accuracy", "passed", "stops"),
    [(0.98, True, False), (0.96, False, False), (0.94, False, True)],
)
def test_an_accuracy_passes_warns_and_stops(accuracy, passed, stops):
    [check] = slice_checks([result(accuracy)], SETTINGS)

    assert (check.passed, check.stops) == (passed, stops)
    assert check.allowed.startswith("≥ 0.9")


@pytest.mark.parametrize(
    ("drop", "passed", "stops"),
    [(-0.01, True, False), (0.015, False, False), (0.03, False, True)],
)
def test_a_drop_passes_warns_and_stops(drop, passed, stops):
    _, check = slice_checks([result(0.98 - drop, 0.98)], SETTINGS)

    assert (check.passed, check.stops) == (passed, stops)
    assert check.value == pytest.approx(drop)


def test_chance_widens_the_bound_of_a_small_slice():
    [few], [many] = (
        slice_checks([result(0.93, records=count)], SETTINGS) for count in (200, 20_000)
    )

    assert not few.stops
    assert many.stops


@pytest.mark.parametrize(("policy", "count"), [("off", 0), ("warn", 1)])
def test_a_policy_takes_the_teeth_out(policy, count):
    settings = dataclasses.replace(SETTINGS, weak_spots=policy)
    checks = slice_checks([result(0.5)], settings)

    assert len(checks) == count
    assert not any(check.stops for check in checks)


def test_the_mistakes_of_the_worst_slice_are_drawn(held_out, tmp_path):
    wrong = thin(held_out) & (np.arange(COUNT) % 10 == 0)
    candidate = right_but(held_out, wrong)
    slices = find_slices(candidate)
    results = measure_slices(slices, candidate, None)
    drawn = draw_mistakes(tmp_path, slices, results, candidate)

    assert drawn == {"name": worst(results).name, "count": 30, "shown": 20}
    assert Image.open(tmp_path / "worst-slice.png").size[0] > 16 * 20
    faultless = right_but(held_out, False)
    results = measure_slices(slices, faultless, None)
    assert draw_mistakes(tmp_path, slices, results, faultless) is None
