"""Whether a model is as often right as it is sure.

Pure functions, which ModelAudit and the report call.
"""

import math
from typing import Any

import attrs
import numpy as np

from components.checks import Check, graded
from components.gate_settings import ModelGateSettings
from components.gates import MODEL

BINS = 15
# How many samples of a perfectly calibrated model are drawn, and the share of them that
# is to pass.
_DRAWS, _PASSING = 200, 0.99
# Standard deviations that chance may add to the number of mistakes.
_SIGMA = 3.0
_LEAST_EXPECTED = 1e-3
_CALIBRATE = (
    "The probabilities do not say how often the model is right. Its temperature is "
    "fitted to the validation split: see that this split is like the test split, "
    "larger, and not trained on (train.use_val). If that is good enough, {setting}."
)
_NOT_FINITE = (
    "The predictions hold NaN. See the loss in the training curves and lower "
    "train.learning_rate."
)


@attrs.frozen(eq=False)
class Calibration:
    """Predictions by confidence, in equal bins of [0, 1].

    Attributes:
      counts: predictions in each bin, int64 [bins].
      confidence: their mean confidence, float64 [bins]; NaN where there is none.
      accuracy: the share of them that is right, float64 [bins]; NaN likewise.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, in [0, 1].

        Mean distance of accuracy from confidence, each bin weighted by its
        predictions: C. Guo et al., "On Calibration of Modern Neural Networks",
        ICML 2017, equation 3.
        """
        gaps = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float(gaps @ self.counts / self.counts.sum())

    @property
    def bias(self) -> float:
        """Mean confidence minus accuracy: above 0 the model is overconfident."""
        gaps = np.nan_to_num(self.confidence - self.accuracy)
        return float(gaps @ self.counts / self.counts.sum())


def calibrate(
    confidence: np.ndarray, correct: np.ndarray, bins: int = BINS
) -> Calibration:
    """Sorts predictions into bins ((m-1)/bins, m/bins], as the paper does.

    Args:
      confidence: probability of the predicted class, float [n], n ≥ 1.
      correct: whether it is the right one, bool [n].
      bins: how many.
    """
    confidence = confidence.astype(np.float64)
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Calibration(
            counts,
            np.bincount(index, confidence, minlength=bins) / counts,
            np.bincount(index, correct, minlength=bins) / counts,
        )


def chance_error(confidence: np.ndarray, fitted_to: int) -> float:
    """Returns the calibration error that a well calibrated model stays below.

    In a sample it is above 0 by chance, the more so the smaller the sample, and so is
    that of the sample to which the temperature was fitted, which moves all
    probabilities. Here predictions are right with the probability that the model gives,
    moved so, in many draws of one seed: the same input always gives the same value.

    Args:
      confidence: probability of the predicted class, float [n], n ≥ 1.
      fitted_to: examples that the temperature was fitted to, ≥ 1.
    """
    generator = np.random.default_rng(0)
    spread = math.sqrt((confidence * (1 - confidence)).mean() / fitted_to)
    errors = []
    for _ in range(_DRAWS):
        moved = confidence + spread * generator.standard_normal()
        correct = generator.random(len(confidence)) < moved
        errors.append(calibrate(confidence, correct).error)
    return float(np.quantile(errors, _PASSING))


def calibration_checks(
    probabilities: np.ndarray,
    labels: np.ndarray,
    fitted_to: int,
    settings: ModelGateSettings,
) -> list[Check]:
    """Holds the confidence of an exported model to how often it is right.

    A model that is hardly ever wrong may be far too sure and have a small calibration
    error all the same; its mistakes for each one that it expects tell.

    Args:
      probabilities: float32 [n, classes] of the test split, n ≥ 1.
      labels: int64 [n].
      fitted_to: examples of the validation split.
      settings: the policy and the bounds; what chance does is added to these.
    """
    if settings.calibration == "off":
        return []
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    if not np.isfinite(confidence).all():
        return [_not_finite(settings)]
    return [
        _error(confidence, correct, fitted_to, settings),
        _overconfidence(confidence, correct, settings),
    ]


def _not_finite(settings: ModelGateSettings) -> Check:
    return Check(
        value=None,
        bound=settings.max_calibration_error,
        passed=False,
        advice=_NOT_FINITE,
        **_fields("calibration error", settings),
    )


def _error(
    confidence: np.ndarray,
    correct: np.ndarray,
    fitted_to: int,
    settings: ModelGateSettings,
) -> Check:
    chance = chance_error(confidence, fitted_to)
    warn, stop = (
        (f"evaluation.{name}", getattr(settings, name) + chance)
        for name in ("warn_calibration_error", "max_calibration_error")
    )
    return graded(
        warn,
        stop,
        _CALIBRATE,
        value=calibrate(confidence, correct).error,
        **_fields("calibration error", settings),
    )


def _overconfidence(
    confidence: np.ndarray, correct: np.ndarray, settings: ModelGateSettings
) -> Check:
    expected = max(float((1 - confidence).sum()), _LEAST_EXPECTED)
    most = settings.max_overconfidence * expected
    most += _SIGMA * math.sqrt(most) + 1
    bound = ("evaluation.max_overconfidence", most / expected)
    return graded(
        bound,
        bound,
        _CALIBRATE,
        value=float((~correct).sum()) / expected,
        **_fields("mistakes per expected mistake", settings),
    )


def _fields(name: str, settings: ModelGateSettings) -> dict[str, Any]:
    return {
        "gate": MODEL.id,
        "name": name,
        "slice": "overall",
        "policy": settings.calibration,
        "direction": "at most",
    }
