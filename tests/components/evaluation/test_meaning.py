"""A change of meaning: told from a weaker model, harder data and chance."""

import dataclasses

import numpy as np
import pytest

from components.evaluation.meaning import compare, meaning_checks
from components.gate_settings import ModelGateSettings
from tests.components.evaluation.answered import answers, records, right_but

SETTINGS = ModelGateSettings()
COUNT = 2000


@pytest.fixture
def new():
    return records(np.arange(COUNT) % 10)


@pytest.fixture
def before():
    return records(np.arange(COUNT)[::-1] % 10)


def first(share: float) -> np.ndarray:
    """Marks a share of the records, alike in every class."""
    return np.arange(COUNT) < share * COUNT


def judged(comparison, settings=SETTINGS, rebaseline=False):
    return meaning_checks(comparison, settings, rebaseline)


def shift(labels: np.ndarray) -> np.ndarray:
    return (labels + 1) % 10


def swap(labels: np.ndarray) -> np.ndarray:
    return np.where(labels == 4, 9, np.where(labels == 9, 4, labels))


@pytest.mark.parametrize(
    ("rename", "value", "said"),
    [
        (shift, 1.0, "0 now 1, 1 now 2"),
        (swap, 0.2, "Labels seem to be renamed: 4 now 9, 9 now 4."),
    ],
)
def test_renamed_classes_are_a_change_of_meaning(new, before, rename, value, said):
    taught = rename(before.labels)
    comparison = compare(
        right_but(new, first(0.0)),
        answers(before, taught),
        answers(new, rename(new.labels)),
        right_but(before, first(0.0)),
        None,
    )
    overall, one_class = judged(comparison)

    assert overall.value == pytest.approx(value)
    assert (overall.slice, overall.stops) == ("overall", True)
    assert one_class.stops
    assert one_class.value == 1.0
    assert one_class.slice in {f"labelled {label}" for label in range(10)}
    assert f"right about 100.0% and the earlier model about {1 - value:.1%}" in (
        overall.advice
    )
    assert said in overall.advice
    assert "--rebaseline" in overall.advice


def test_turned_images_are_not_said_to_be_renamed_classes(new, before):
    comparison = compare(
        right_but(new, first(0.0)),
        answers(before, np.where(before.labels < 5, 4, before.labels)),
        right_but(new, first(0.0)),
        right_but(before, first(0.0)),
        None,
    )

    assert comparison.renamed == {}
    assert judged(comparison)[0].stops


def test_one_class_of_another_meaning_is_found_where_overall_it_is_little(new, before):
    few = (before.labels == 3) & (np.arange(COUNT) < 0.4 * COUNT)
    comparison = compare(
        right_but(new, first(0.0)),
        right_but(before, few),
        right_but(new, first(0.0)),
        right_but(before, first(0.0)),
        None,
    )
    overall, one_class = judged(comparison)

    assert overall.value == pytest.approx(0.04)
    assert not overall.stops
    assert one_class.stops
    assert (one_class.slice, one_class.value) == ("labelled 3", pytest.approx(0.4))


@pytest.mark.parametrize(
    ("candidate", "candidate_before", "previous", "previous_before"),
    [
        pytest.param(0.0, 0.0, 0.0, 0.0, id="as good"),
        pytest.param(0.2, 0.2, 0.02, 0.02, id="a weaker model"),
        pytest.param(0.01, 0.01, 0.2, 0.2, id="a better model"),
        pytest.param(0.2, 0.02, 0.3, 0.02, id="harder data"),
        pytest.param(0.02, 0.02, 0.5, 0.02, id="more kinds of data"),
        pytest.param(0.02, 0.03, 0.03, 0.02, id="a little off"),
    ],
)
def test_other_models_and_other_data_mean_the_same(
    new, before, candidate, candidate_before, previous, previous_before
):
    comparison = compare(
        right_but(new, first(candidate)),
        right_but(before, first(candidate_before)),
        right_but(new, first(previous)),
        right_but(before, first(previous_before)),
        None,
    )

    assert [check.passed for check in judged(comparison)] == [True, True]
    assert comparison.renamed == {}


def test_what_the_model_that_serves_was_taught_already_is_no_change(new, before):
    answered = (
        right_but(new, first(0.0)),
        answers(before, shift(before.labels)),
        answers(new, shift(new.labels)),
        right_but(before, first(0.0)),
    )

    accepted = compare(*answered, answers(before, shift(before.labels)))
    assert all(check.passed for check in judged(accepted))
    still = compare(*answered, right_but(before, first(0.0)))
    assert not any(check.passed for check in judged(still))


def test_a_new_baseline_lets_it_pass_and_shows_it(new, before):
    comparison = compare(
        right_but(new, first(0.0)),
        right_but(before, first(0.5)),
        right_but(new, first(0.5)),
        right_but(before, first(0.0)),
        None,
    )
    told = judged(comparison, rebaseline=True)

    assert [check.stops for check in told] == [False, False]
    assert [check.passed for check in told] == [False, False]
    assert told[0].advice.endswith(
        "As --rebaseline asks, it passes, and the manifest says so."
    )
    assert [check.value for check in told] == [
        check.value for check in judged(comparison)
    ]


def test_chance_widens_the_bound_of_a_small_split():
    few, many = (records(np.arange(count) % 10) for count in (200, 20_000))
    bounds = []
    for split in (few, many):
        wrong = np.arange(len(split.labels)) < 0.04 * len(split.labels)
        good = np.zeros_like(wrong)
        comparison = compare(
            *(right_but(split, mask) for mask in (good, wrong, good, good)), None
        )
        check = judged(comparison)[0]
        bounds.append((check.stops, round(check.value, 6)))

    assert bounds == [(False, 0.04), (True, 0.04)]


@pytest.mark.parametrize(("policy", "count"), [("off", 0), ("warn", 2)])
def test_a_policy_takes_the_teeth_out(new, before, policy, count):
    comparison = compare(
        right_but(new, first(0.0)),
        right_but(before, first(1.0)),
        right_but(new, first(1.0)),
        right_but(before, first(0.0)),
        None,
    )
    checks = judged(comparison, dataclasses.replace(SETTINGS, meaning=policy))

    assert len(checks) == count
    assert not any(check.stops for check in checks)
