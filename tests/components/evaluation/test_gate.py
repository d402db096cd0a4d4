"""The checks of the model gate: what each bound stops and what it passes."""

import attrs
import pytest

from components.classes import DIGITS
from components.evaluation.gate import model_checks
from components.evaluation.results import ACCURACY, BASELINE, CANDIDATE, LOSS
from components.gate_settings import ModelGateSettings

SETTINGS = ModelGateSettings(
    min_accuracy=0.9,
    max_loss=0.5,
    min_digit_accuracy=0.8,
    max_accuracy_drop=0.01,
    max_digit_accuracy_drop=0.05,
)


@attrs.define
class FakeMetrics:
    """Stands in for ``EvaluationMetrics``: (model, digit, name) to value."""

    values: dict
    reasons: tuple[str, ...] = ()

    def refusals(self):
        return list(self.reasons)

    def scalar(self, model, digit, name):
        return self.values.get((model, digit, name))

    def change(self, digit, name):
        candidate = self.scalar(CANDIDATE, digit, name)
        baseline = self.scalar(BASELINE, digit, name)
        return None if None in (candidate, baseline) else candidate - baseline

    def as_dict(self, model):
        return {} if any(key[0] == model for key in self.values) else None


def metrics_of(model: str, accuracy: float = 0.95) -> dict:
    slices = [None, *range(10)]
    return {
        **{(model, digit, ACCURACY): accuracy for digit in slices},
        (model, None, LOSS): 0.1,
    }


def failures(values: dict) -> list[tuple[str, str]]:
    checks = model_checks(FakeMetrics(values), SETTINGS)
    return [(check.name, check.slice) for check in checks if not check.passed]


def test_a_class_is_called_a_digit_only_where_all_are() -> None:
    values = {**metrics_of(CANDIDATE, 0.5), **metrics_of(BASELINE)}
    for classes, word in ((DIGITS, "digit"), (tuple("abcdefghij"), "class")):
        checks = model_checks(FakeMetrics(values), SETTINGS, classes)
        slices = {check.slice for check in checks}
        assert slices == {"overall", *(f"{word} {label}" for label in range(10))}
        assert not any(
            "digit" in check.advice for check in checks if check.value is None
        )


def test_a_good_model_passes_every_check() -> None:
    checks = model_checks(FakeMetrics(metrics_of(CANDIDATE)), SETTINGS)

    assert len(checks) == 12
    assert all(check.passed for check in checks)
    assert (checks[0].value, checks[0].bound) == (0.95, 0.9)


def test_values_on_their_bounds_pass() -> None:
    values = metrics_of(CANDIDATE, accuracy=0.9)
    values[CANDIDATE, None, LOSS] = 0.5
    values[CANDIDATE, 7, ACCURACY] = 0.8

    assert failures(values) == []


@pytest.mark.parametrize(
    ("key", "value", "failure"),
    [
        ((CANDIDATE, None, ACCURACY), 0.899, ("accuracy", "overall")),
        ((CANDIDATE, None, LOSS), 0.501, ("loss", "overall")),
        ((CANDIDATE, 3, ACCURACY), 0.799, ("accuracy", "digit 3")),
        ((CANDIDATE, 3, ACCURACY), None, ("accuracy", "digit 3")),
        ((CANDIDATE, None, LOSS), None, ("loss", "overall")),
    ],
)
def test_what_breaks_a_bound_or_is_not_computed_fails(key, value, failure) -> None:
    assert failures({**metrics_of(CANDIDATE), key: value}) == [failure]


def test_a_metric_that_is_not_computed_says_so() -> None:
    values = {**metrics_of(CANDIDATE), (CANDIDATE, 3, ACCURACY): None}
    [failed] = [c for c in model_checks(FakeMetrics(values), SETTINGS) if not c.passed]

    assert "could not be computed" in str(failed)
    assert "does the test split hold this class?" in failed.advice


def test_a_loss_that_is_not_computed_points_at_the_training() -> None:
    values = {**metrics_of(CANDIDATE), (CANDIDATE, None, LOSS): None}
    [failed] = [c for c in model_checks(FakeMetrics(values), SETTINGS) if not c.passed]

    assert failed.slice == "overall"
    assert "may hold NaN" in failed.advice
    assert "train.learning_rate" in failed.advice


def test_a_model_that_tfma_alone_refuses_has_a_failed_check_with_its_reason() -> None:
    reasons = ("sparse_categorical_accuracy, digit 3: Metric not found.",)
    metrics = FakeMetrics(metrics_of(CANDIDATE), reasons)
    [failed] = [check for check in model_checks(metrics, SETTINGS) if not check.passed]

    assert str(failed) == (
        "model gate: blessing, overall: refused: sparse_categorical_accuracy, digit 3: "
        "Metric not found., bound blessed"
    )
    assert failed.stops
    assert "no bound above shows" in failed.advice


def test_what_the_bounds_explain_is_not_told_twice() -> None:
    values = {**metrics_of(CANDIDATE), (CANDIDATE, 3, ACCURACY): 0.7}
    metrics = FakeMetrics(values, ("sparse_categorical_accuracy, digit 3: 0.7",))

    failed = [check for check in model_checks(metrics, SETTINGS) if not check.passed]
    assert [(check.name, check.slice) for check in failed] == [("accuracy", "digit 3")]


def test_drops_are_checked_against_the_baseline_overall_and_by_digit() -> None:
    values = {**metrics_of(CANDIDATE), **metrics_of(BASELINE)}
    values[BASELINE, None, ACCURACY] = 0.97
    values[BASELINE, 4, ACCURACY] = 1.0
    values[BASELINE, 5, ACCURACY] = 0.9

    assert failures(values) == [
        ("accuracy drop", "overall"),
        ("accuracy drop", "digit 4"),
    ]


def test_an_equal_model_passes_and_shows_its_baseline() -> None:
    checks = model_checks(
        FakeMetrics({**metrics_of(CANDIDATE), **metrics_of(BASELINE)}), SETTINGS
    )

    assert len(checks) == 12 + 11
    assert all(check.passed and check.baseline is not None for check in checks)
