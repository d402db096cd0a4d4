"""The checks of the model gate, from what the Evaluator measured.

TFMA holds the model to the same bounds and blesses it or not; this says why.
"""

from collections.abc import Iterator, Sequence

from components.checks import Check
from components.classes import DIGITS, class_word
from components.evaluation.results import (
    ACCURACY,
    BASELINE,
    CANDIDATE,
    LOSS,
    EvaluationMetrics,
)
from components.gate_settings import ModelGateSettings
from components.gates import MODEL

_TRAIN_BETTER = (
    "Look at the training curves and at the mistakes in the report; train longer, "
    "correct the labels or change the model. {} only if that is good enough."
)
_NO_CLASS = "The Evaluator could not compute it: does the test split hold this class?"
_NOT_FINITE = (
    "The Evaluator found no finite number: the predictions may hold NaN. See the loss "
    "in the training curves and lower train.learning_rate."
)
_UNEXPLAINED = (
    "The Evaluator refused the model for what no bound above shows. Its log says more, "
    "and tfma.load_validation_result reads its evaluation."
)
_REGRESSION = (
    "The model is worse than the one that serves. Keep that one, train better, or, "
    "if the comparison is unfair, run with --rebaseline."
)


def model_checks(
    metrics: EvaluationMetrics,
    settings: ModelGateSettings,
    classes: Sequence[str] = DIGITS,
) -> list[Check]:
    """Returns a check for every bound: overall first, then each class.

    Changes are checked where there is a baseline. A metric that could not be
    computed is a failed check. The Evaluator's own reasons follow where it refused
    and every bound is kept, so that a refused model never lacks a failed check.

    Args:
      metrics: of the candidate, and of the baseline if there is one.
      settings: the bounds.
      classes: the names, in the order of the labels.
    """
    word = class_word(classes)
    has_baseline = metrics.as_dict(BASELINE) is not None
    checks = [
        _at_least(metrics, None, "min_accuracy", settings.min_accuracy),
        _loss(metrics, settings.max_loss),
        *(
            _at_least(
                metrics, label, "min_digit_accuracy", settings.min_digit_accuracy, word
            )
            for label in range(len(classes))
        ),
        *(_drops(metrics, settings, len(classes), word) if has_baseline else ()),
    ]
    if all(check.passed for check in checks):
        checks += map(_unexplained, metrics.refusals())
    return checks


def _slice_name(label: int | None, word: str = "") -> str:
    """Names a slice as people see it, like ``digit 3`` or ``class 3``."""
    return "overall" if label is None else f"{word} {label}"


def _at_least(
    metrics: EvaluationMetrics,
    label: int | None,
    setting: str,
    bound: float,
    word: str = "",
) -> Check:
    value = metrics.scalar(CANDIDATE, label, ACCURACY)
    return Check(
        gate=MODEL.id,
        name="accuracy",
        slice=_slice_name(label, word),
        value=value,
        bound=bound,
        passed=value is not None and value >= bound,
        baseline=metrics.scalar(BASELINE, label, ACCURACY),
        direction="at least",
        advice=_advice(
            value, label, _TRAIN_BETTER.format(f"Lower evaluation.{setting}")
        ),
    )


def _loss(metrics: EvaluationMetrics, bound: float) -> Check:
    value = metrics.scalar(CANDIDATE, None, LOSS)
    return Check(
        gate=MODEL.id,
        name="loss",
        slice=_slice_name(None),
        value=value,
        bound=bound,
        passed=value is not None and value <= bound,
        baseline=metrics.scalar(BASELINE, None, LOSS),
        direction="at most",
        advice=_advice(value, None, _TRAIN_BETTER.format("Raise evaluation.max_loss")),
    )


def _drops(
    metrics: EvaluationMetrics, settings: ModelGateSettings, classes: int, word: str
) -> Iterator[Check]:
    for label in (None, *range(classes)):
        change = metrics.change(label, ACCURACY)
        bound = (
            settings.max_accuracy_drop
            if label is None
            else settings.max_digit_accuracy_drop
        )
        yield Check(
            gate=MODEL.id,
            name="accuracy drop",
            slice=_slice_name(label, word),
            value=None if change is None else -change,
            bound=bound,
            passed=change is not None and change >= -bound,
            baseline=metrics.scalar(BASELINE, label, ACCURACY),
            direction="at most",
            advice=_advice(change, label, _REGRESSION),
        )


def _unexplained(reason: str) -> Check:
    return Check(
        gate=MODEL.id,
        name="blessing",
        slice=_slice_name(None),
        value=f"refused: {reason}",
        bound="blessed",
        passed=False,
        advice=_UNEXPLAINED,
    )


def _advice(value: float | None, label: int | None, otherwise: str) -> str:
    if value is not None:
        return otherwise
    return _NOT_FINITE if label is None else _NO_CLASS
