"""A test split that the model makes far fewer mistakes on than on validation."""

import dataclasses

import numpy as np
import pytest

from components.evaluation.easy_test import easy_test_checks
from components.gate_settings import ModelGateSettings
from tests.components.evaluation.answered import records, right_but

SETTINGS = ModelGateSettings()


def judged(on_test: int, on_val: int, tests: int = 2000, settings=SETTINGS) -> list:
    """Judges so many mistakes on so many test records, and on 1,000 for validation."""
    test, val = (records(np.arange(count) % 10) for count in (tests, 1000))
    return list(
        easy_test_checks(
            right_but(test, np.arange(tests) < on_test),
            right_but(val, np.arange(1000) < on_val),
            settings,
        )
    )


@pytest.mark.parametrize(
    ("on_test", "on_val", "passed", "stops"),
    [
        (120, 60, True, False),
        (200, 60, True, False),
        # Two thirds of the mistakes may be by chance.
        (80, 60, True, False),
        (36, 60, False, False),
        (9, 60, False, True),
        (0, 60, False, True),
    ],
)
def test_far_fewer_mistakes_on_test_warn_and_stop(on_test, on_val, passed, stops):
    [check] = judged(on_test, on_val)

    assert check.value == pytest.approx(on_test / (2 * on_val))
    assert (check.passed, check.stops) == (passed, stops)
    assert (check.name, check.slice) == (
        "mistakes for each of validation",
        "test against val",
    )
    if not passed:
        assert "lower evaluation." in check.advice


def test_chance_in_few_mistakes_is_allowed_for():
    [check] = judged(1, 6)

    assert check.passed
    assert check.bound == 0


@pytest.mark.parametrize("on_val", [0, 4])
def test_hardly_any_mistake_on_validation_says_nothing(on_val: int):
    assert judged(0, on_val) == []


def test_it_can_be_turned_off_and_only_warn():
    assert judged(0, 60, settings=dataclasses.replace(SETTINGS, easy_test="off")) == []
    [check] = judged(0, 60, settings=dataclasses.replace(SETTINGS, easy_test="warn"))
    assert (check.passed, check.stops) == (False, False)
