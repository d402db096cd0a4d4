"""Exports of a good model that could not serve, or not for long: a row a kind."""

from typing import Any

from tests.defects.kind import Between, Kind, Refusal, Saying, Strength


def missing(signature: str) -> Refusal:
    return Refusal("serving", "has the signature", signature, "missing", "present")


def seen(name: str, value: object, bound: object, slice: str = "export") -> Refusal:
    return Refusal("serving", name, slice, value, bound)


# What changes by itself is refused for its operations alone.
_STATEFUL = ("--set", "serving_check.stateful=warn")


def moved(between: str, strength: Strength) -> Refusal:
    """The check of probabilities that differ, by enough to be refused or warned of."""
    least, most, bound = (1e-5, 1e-4, 1e-5) if strength == "warn" else (1e-4, 1, 1e-4)
    name = f"difference between {between}"
    return seen(name, Between(least, most), bound, "serving_default")


# What the probabilities are like is seen by the model gate, too.
_SERVING_ALONE = (
    *("--set", "evaluation.calibration=off", "--set", "evaluation.weak_spots=off"),
    *("--set", "evaluation.unknown=off"),
    *("--set", "evaluation.max_accuracy_drop=0.5"),
    *("--set", "evaluation.max_digit_accuracy_drop=0.5"),
)


def _export(name: str, run_fn: str, refusal: Refusal, **settings: Any) -> Kind:
    """An export that is spoilt."""
    return Kind(name, "export", refusal, run_fn=f"exports.{run_fn}", **settings)


def _serving(name: str, run_fn: str, refusal: Refusal, **settings: Any) -> Kind:
    """An export that answers, but not as a server must."""
    return Kind(name, "serving", refusal, run_fn=f"exports.{run_fn}", **settings)


EXPORTS = (
    _export(
        "export without a signature", "without_predict_image", missing("predict_image")
    ),
    _export(
        "export without the signature that is evaluated",
        "without_serving_default",
        missing("serving_default"),
    ),
    _export(
        "signature with wrong input shape",
        "flat_input",
        Refusal(
            "serving",
            "takes the input",
            "predict_pixels",
            "pixels uint8 [?, 784]",
            "pixels uint8 [?, 28, 28]",
        ),
    ),
    _export(
        "signature with wrong output shape",
        "nine_classes",
        Refusal(
            "serving",
            "answers a batch",
            "predict_pixels",
            Saying("probabilities float32 [64, 9]"),
            "class_id int64 [64], probabilities float32 [64, 10]",
        ),
    ),
    _export(
        "probabilities that do not sum to 1",
        "shrunk_probabilities",
        Refusal(
            "serving",
            "distance of sums from 1",
            "serving_default",
            Between(0.0999, 0.1001),
            1e-4,
        ),
        args=_SERVING_ALONE,
    ),
    _export(
        "model that reads a file by its absolute path",
        "reads_a_file",
        seen("reads from outside", Saying("ReadFile of /", "exports.py"), "none"),
    ),
    _export(
        "model that writes a file",
        "writes_a_file",
        seen("writes files", "WriteFile of log", "none"),
    ),
    _export(
        "model that calls Python",
        "calls_python",
        seen("operations that servers lack", "EagerPyFunc", "none"),
    ),
    _export(
        "dropout left on",
        "drops_pixels",
        moved("calls", "error"),
        args=_SERVING_ALONE,
    ),
    _export(
        "probabilities that move by chance, 5 %", "guesses", moved("calls", "error")
    ),
    _export(
        "probabilities that move by chance, 0.006 %",
        "guesses_slightly",
        moved("calls", "warn"),
        args=_STATEFUL,
        strength="warn",
    ),
    _export(
        "predictions that depend on the batch, 5 %",
        "answers_together",
        moved("batches", "error"),
        args=_SERVING_ALONE,
    ),
    _export(
        "predictions that depend on the batch, 0.006 %",
        "answers_together_slightly",
        moved("batches", "warn"),
        strength="warn",
    ),
    _export(
        "predictions that depend on requests before, 5 %",
        "remembers",
        moved("processes", "error"),
    ),
    _export(
        "predictions that depend on requests before, 0.006 %",
        "remembers_slightly",
        moved("processes", "warn"),
        args=_STATEFUL,
        strength="warn",
    ),
)

SERVING = (
    _serving(
        "model that takes 0.3 s an image",
        "slow",
        Refusal("serving", "latency in ms", "predict_pixels", Between(101, 5000), 100),
    ),
    _serving(
        "model that sleeps 10 s",
        "sleeping",
        Refusal("serving", "answers in time", "predict_pixels", Between(30, 45), 30),
        args=("--set", "serving_check.timeout=30.0"),
    ),
    _serving("predictions that change with each call", "ages", moved("calls", "error")),
    _serving(
        "predictions that change slowly with each call",
        "ages_slowly",
        moved("processes", "warn"),
        args=_STATEFUL,
        strength="warn",
    ),
    _serving(
        "NaN for a blank picture",
        "divides_by_the_contrast",
        seen("values not finite on the blank picture", 10, 0, "serving_default"),
    ),
    _serving(
        "model that fails for more than 1,024 images",
        "up_to_1024_images",
        seen(
            "answers 5,000 images",
            Saying("InvalidArgumentError", "5000"),
            "class_id int64 [5000], probabilities float32 [5000, 10]",
            "serving_default",
        ),
    ),
    _serving(
        "model that keeps 100 kB of each call",
        "leaks",
        seen("memory growth in MB", Between(80, 200), 50.0, "serving_default"),
    ),
    _serving(
        "model that keeps 20 kB of each call",
        "leaks_slowly",
        seen("memory growth in MB", Between(10, 50), 10.0, "serving_default"),
        args=_STATEFUL,
        strength="warn",
    ),
    _serving(
        "first call that takes 8 s",
        "starts_late",
        seen("first call in s", Between(1, 9), 1.0, "serving_default"),
        args=("--set", "serving_check.max_first_call=1.0"),
    ),
    _serving(
        "first call that takes 8 s, which is allowed",
        "starts_late",
        seen("first call in s", Between(1, 9), 1.0, "serving_default"),
        args=("--set", "serving_check.warn_first_call=1.0", *_STATEFUL),
        strength="warn",
    ),
    _serving(
        "pictures that cannot be read answered last",
        "moves_unreadable",
        seen("wrong rows of unreadable pictures", Between(1, 20), 0, "predict_image"),
    ),
    _serving(
        "a missing image answered as a blank one",
        "fills_in",
        seen(
            "refuses an example without its image",
            "an answer",
            "an error",
            "serving_default",
        ),
    ),
    _serving(
        "large files taken for a 0",
        "overlooks_large_files",
        seen("other answers to a large JPEG", Between(0.31, 1), 0.3, "predict_image"),
    ),
    _serving(
        "blank images from some day on",
        "expires",
        seen("time or chance", "Timestamp", "none"),
    ),
    _serving(
        "blank images after 5,000 calls",
        "tires",
        seen("kept for later requests", "AssignAddVariableOp", "none"),
    ),
)
