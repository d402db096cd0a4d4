"""Defects of training and of the model that it gives: a row a kind."""

import math

from tests.defects.kind import ANYWHERE, Between, Kind, Refusal, Saying, Strength, over


def _overall(name: str, value: object, bound: float) -> Refusal:
    return Refusal("model", name, "overall", value, bound)


def _never(digit: int) -> Refusal:
    return Refusal("model", "accuracy", f"digit {digit}", 0, 0.7)


_GUESSING = _overall("accuracy", Between(0, 0.35), 0.85)
# How bad these get depends on the processor's rounding.
_BAD = _overall("accuracy", Between(0, 0.84), 0.85)
_NO_LOSS = _overall("loss", None, 0.6)
_HIGH_LOSS = _overall("loss", Between(1, math.inf), 0.6)
_WORSE = _overall("accuracy drop", Between(0.0301, 0.15), 0.03)
_DIVERGED = Refusal(
    "model",
    "training loss",
    "epoch 1 of 6",
    Saying("nan by step", "at learning rate"),
    "finite",
)


def _setting(name: str, refusal: Refusal, setting: str, *passes: str) -> Kind:
    """A training that a setting spoils."""
    args, passing = ("--set", f"train.{setting}"), frozenset(passes)
    return Kind(name, "training", refusal, args=args, trains=True, passes=passing)


def _training(name: str, refusal: Refusal, run_fn: str) -> Kind:
    """A training that is spoilt in its code."""
    path = f"trainings.{run_fn}"
    return Kind(name, "training", refusal, run_fn=path, trains=True)


def _weak_spot(
    name: str, run_fn: str, where: str, line: float, strength: Strength = "error"
) -> Kind:
    """A training that leaves a part of the data out."""
    refusal = over("model", "slice accuracy drop", where, line)
    path = f"trainings.{run_fn}"
    # Of a class, which a part that is seldom seen may be most of.
    bounds = ["max_digit_accuracy_drop=0.3"]
    if strength == "warn":
        bounds += ["max_slice_drop=0.2", "min_digit_accuracy=0.5"]
    args = tuple(a for bound in bounds for a in ("--set", f"evaluation.{bound}"))
    return Kind(
        name, "training", refusal, strength, run_fn=path, args=args, trains=True
    )


def _too_sure(name: str, run_fn: str, strength: Strength = "error") -> Kind:
    """A model that is more often wrong than its probabilities say."""
    line = 0.06 if strength == "error" else 0.045
    refusal = over("model", "calibration error", "overall", line)
    path = f"trainings.{run_fn}"
    return Kind(name, "training", refusal, strength, run_fn=path)


def _weights(name: str, refusal: Refusal, run_fn: str, *passes: str) -> Kind:
    """Good weights that are spoilt, or spoilt when they are exported."""
    passing = frozenset(passes)
    return Kind(name, "training", refusal, run_fn=run_fn, passes=passing)


TRAINING = (
    _setting("learning rate far too high", _BAD, "learning_rate=3.0"),
    _setting("learning rate far too low", _GUESSING, "learning_rate=0.00001"),
    _setting("training that diverges", _DIVERGED, "learning_rate=1000.0"),
    # What overall bounds alone would let through.
    _setting(
        "a worse model than the one that serves", _WORSE, "epochs=2", "accuracy", "loss"
    ),
    _setting("training on 150 records", _BAD, "max_examples=150"),
    _setting("augmentation that turns digits over", _BAD, "augment.rotation=180.0"),
    _training("labels shuffled in training", _GUESSING, "labels_shuffled"),
    _training("labels one record late", _GUESSING, "labels_one_record_late"),
    _training("a class that is never seen", _never(9), "without_nines"),
    _training("left half unseen in training", _BAD, "left_half_unseen"),
    _training(
        "pixels not normalized in training", _GUESSING, "not_normalized_in_training"
    ),
    _training("loss of probabilities on logits", _GUESSING, "wrong_loss"),
    _training("frozen hidden layer", _BAD, "frozen_hidden_layer"),
    # The pair that is confused most may lose more than the third that slants most.
    _weak_spot("slanted digits unseen", "slanted_unseen", ANYWHERE, 0.15),
    _weak_spot(
        "slanted digits seldom seen",
        "slanted_seldom_seen",
        "slant, highest third",
        0.065,
        "warn",
    ),
    _weak_spot("4 and 9 hardly seen", "two_classes_unseen", "digit 4 and 9", 0.13),
    _weak_spot(
        "4 and 9 seldom seen",
        "two_classes_seldom_seen",
        "digit 4 and 9",
        0.1,
        "warn",
    ),
    _too_sure("four times too sure", "too_sure"),
    _too_sure("twice too sure", "rather_sure", "warn"),
    _weights(
        "sure of whatever it is shown",
        over("model", "sure of the unknown", "shapeless", 0.5),
        "trainings.sure_of_everything",
    ),
    _weights(
        "sure of nothing that it is shown",
        Refusal("model", "sure of the known", "test", Between(0, 0.004), 0.005),
        "trainings.sure_of_nothing",
    ),
    _training(
        "trained on the test split",
        Refusal(
            "model",
            "mistakes for each of validation",
            "test against val",
            Between(0, 0.3),
            Between(0.1, 0.5),
        ),
        "on_the_test_split",
    ),
    _weights("no training", _GUESSING, "trainings.no_training"),
    _weights(
        "pixels not normalized in serving",
        _HIGH_LOSS,
        "trainings.not_normalized_in_serving",
    ),
    _weights("batch statistics lost", _BAD, "trainings.batch_statistics_lost"),
    _weights(
        "last layer of another run", _GUESSING, "trainings.last_layer_of_another_run"
    ),
    _weights("a class never predicted", _never(3), "trainings.a_class_never_predicted"),
    _weights(
        "weights rounded to four values",
        _WORSE,
        "trainings.coarse_weights",
        "accuracy",
        "loss",
    ),
    _weights("model with NaN weights", _NO_LOSS, "exports.nan_weights"),
    _weights("model that ignores its input", _GUESSING, "exports.ignores_its_input"),
    _weights("swapped class order", _GUESSING, "exports.swapped_classes"),
)
