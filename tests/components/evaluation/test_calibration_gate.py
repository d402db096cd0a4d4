"""Calibration at the model gate: what it stops, and what it passes."""

import numpy as np
import pytest

from components.evaluation.calibration import (
    calibrate,
    calibration_checks,
    chance_error,
)
from components.gate_settings import ModelGateSettings

CLASSES = 10
# Examples of the validation split: so many that their chance does not matter.
MANY = 10**9
ERROR, MISTAKES = "calibration error", "mistakes per expected mistake"


def calibrated(
    count: int, spread: float, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Logits [n, 10], and labels drawn with the probabilities they stand for."""
    generator = np.random.default_rng(seed)
    logits = generator.standard_normal((count, CLASSES))
    logits[:, 0] += spread * generator.random(count)
    draws = generator.random((count, 1))
    labels = (draws > softmax(logits).cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(labels, CLASSES - 1)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def failed(logits: np.ndarray, labels: np.ndarray, **settings) -> list[str]:
    bounds = ModelGateSettings(**settings)
    checks = calibration_checks(softmax(logits), labels, MANY, bounds)
    assert [check.name for check in checks] == [ERROR, MISTAKES]
    assert {check.slice for check in checks} == {"overall"}
    assert all(bool(check.advice) != check.passed for check in checks)
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize("count", [100, 500, 2000, 10_000])
@pytest.mark.parametrize("spread", [8, 40], ids=["often wrong", "hardly ever wrong"])
def test_a_calibrated_model_passes_whatever_the_size(count: int, spread: float) -> None:
    for seed in range(5):
        assert failed(*calibrated(count, spread, seed)) == []


@pytest.mark.parametrize("count", [500, 10_000])
def test_an_overconfident_model_is_stopped(count: int) -> None:
    logits, labels = calibrated(count, 8)

    assert failed(5 * logits, labels) == [ERROR, MISTAKES]


def test_an_overconfident_model_that_is_hardly_ever_wrong_is_stopped() -> None:
    """Its calibration error cannot be larger than its part of mistakes."""
    logits, labels = calibrated(10_000, 300)
    wrong = np.mean(logits.argmax(axis=1) != labels)

    assert 0 < wrong < 0.01
    assert failed(logits, labels) == []
    assert failed(5 * logits, labels) == [MISTAKES]


def test_a_model_that_is_not_sure_enough_is_stopped() -> None:
    logits, labels = calibrated(2000, 40)

    assert failed(0.5 * logits, labels) == [ERROR]


def test_bounds_and_policy_are_those_of_the_settings() -> None:
    logits, labels = calibrated(10_000, 8)
    wide = {"warn_calibration_error": 0.9, "max_calibration_error": 0.9}
    wide["max_overconfidence"] = 100.0

    assert failed(5 * logits, labels, **wide) == []
    settings = ModelGateSettings(calibration="warn")
    checks = calibration_checks(softmax(5 * logits), labels, MANY, settings)
    assert {(check.passed, check.stops) for check in checks} == {(False, False)}
    off = ModelGateSettings(calibration="off")
    assert calibration_checks(softmax(logits), labels, MANY, off) == []


def test_nan_is_stopped() -> None:
    probabilities = np.full((50, CLASSES), np.nan, np.float32)

    [check] = calibration_checks(
        probabilities, np.zeros(50, np.int64), MANY, ModelGateSettings()
    )

    assert (check.value, check.stops) == (None, True)


def test_a_model_that_is_certain_and_never_wrong_passes() -> None:
    labels = np.arange(200) % CLASSES

    assert failed(1000 * np.eye(CLASSES)[labels], labels) == []


def test_chance_is_what_samples_of_a_calibrated_model_show() -> None:
    """Less in a larger sample; the same value each time."""
    generator = np.random.default_rng(1)
    for count, least, most in ((500, 0.03, 0.08), (50_000, 0.003, 0.009)):
        confidence = generator.uniform(0.3, 1.0, count)
        chance = chance_error(confidence, MANY)
        errors = [
            calibrate(confidence, generator.random(count) < confidence).error
            for _ in range(100)
        ]

        assert least < chance < most
        assert np.mean(np.array(errors) < chance) > 0.94
        assert chance == chance_error(confidence, MANY)


def test_a_temperature_of_a_small_split_has_its_chance_too() -> None:
    """All probabilities are off by as much as that split is by chance."""
    confidence = np.full(20_000, 0.9)
    for fitted_to in (100, 1000):
        generator = np.random.default_rng(2)
        shares = generator.binomial(fitted_to, 0.9, 300) / fitted_to
        errors = [
            calibrate(confidence, generator.random(20_000) < share).error
            for share in shares
        ]
        passing = np.mean(np.array(errors) < chance_error(confidence, fitted_to))

        assert passing > 0.95
        assert np.max(errors) > chance_error(confidence, MANY)
