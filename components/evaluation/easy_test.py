"""Whether a test split is as hard as the validation split.

A model that was trained on the test split, and a test split that holds easy images
alone, promise an accuracy that nobody will see again. Pure functions, which ModelAudit
calls.
"""

import math
from collections.abc import Iterator

from components.checks import SIGMA, Check, graded
from components.evaluation.answers import Answers
from components.features import TEST, VAL
from components.gate_settings import ModelGateSettings
from components.gates import MODEL

# Fewer mistakes on the validation split say nothing of their share.
_LEAST_MISTAKES = 5
_ADVICE = (
    "The model makes far fewer mistakes on the test split than on the validation "
    "split: it saw test images in training, or the test split holds easy ones alone. "
    "Look at what the Trainer reads, and make both splits alike. If that is meant, "
    "{setting}."
)


def easy_test_checks(
    test: Answers, validated: Answers, settings: ModelGateSettings
) -> Iterator[Check]:
    """Yields a check of the mistakes on test for each on validation, as shares.

    None where the model makes hardly any mistake on the validation split.

    Args:
      test: answers to the test split.
      validated: answers to the validation split.
      settings: the bounds; chance in both splits is allowed for.
    """
    mistakes = int((~validated.correct).sum())
    if mistakes < _LEAST_MISTAKES:
        return
    expected = mistakes / len(validated.correct) * len(test.correct)

    def allowed(ratio: float) -> float:
        chance = math.sqrt(ratio / expected + ratio**2 / mistakes)
        return max(ratio - SIGMA * chance, 0.0)

    warn, stop = (
        (f"evaluation.{name}", allowed(getattr(settings, name)))
        for name in ("warn_mistake_ratio", "min_mistake_ratio")
    )
    if settings.easy_test != "off":
        yield graded(
            warn,
            stop,
            _ADVICE,
            gate=MODEL.id,
            name="mistakes for each of validation",
            slice=f"{TEST} against {VAL}",
            value=int((~test.correct).sum()) / expected,
            policy=settings.easy_test,
            direction="at least",
        )
