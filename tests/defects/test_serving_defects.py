"""Exports of a good model that could not serve."""

import functools

import attrs
import pytest

from tests.defects.bench import take_weights
from tests.defects.exports import train_with
from tests.defects.kind import Between, Refusal, Saying, Strength


@attrs.frozen
class Case:
    """An export that is spoilt.

    Attributes:
      run_fn: in ``exports``; spoils the export.
      refusal: the check that must stop it.
      args: of the run.
      strength: ``error`` must be refused; ``warn`` must be shown, and pushed.
    """

    run_fn: str
    refusal: Refusal
    args: tuple[str, ...] = ()
    strength: Strength = "error"


def missing(signature: str) -> Refusal:
    return Refusal("serving", "has the signature", signature, "missing", "present")


def seen(name: str, value: object, bound: object, slice: str = "export") -> Refusal:
    return Refusal("serving", name, slice, value, bound)


def moved(between: str, strength: Strength) -> Refusal:
    """The check of probabilities that differ, by enough to be refused or warned of."""
    least, most, bound = (1e-5, 1e-4, 1e-5) if strength == "warn" else (1e-4, 1, 1e-4)
    name = f"difference between {between}"
    return seen(name, Between(least, most), bound, "serving_default")


CASES = {
    "export without a signature": Case(
        "without_predict_image", missing("predict_image")
    ),
    "export without the signature that is evaluated": Case(
        "without_serving_default", missing("serving_default")
    ),
    "signature with wrong input shape": Case(
        "flat_input",
        Refusal(
            "serving",
            "takes the input",
            "predict_pixels",
            "pixels uint8 [?, 784]",
            "pixels uint8 [?, 28, 28]",
        ),
    ),
    "signature with wrong output shape": Case(
        "nine_classes",
        Refusal(
            "serving",
            "answers a batch",
            "predict_pixels",
            Saying("probabilities float32 [64, 9]"),
            "class_id int64 [64], probabilities float32 [64, 10]",
        ),
    ),
    "probabilities that do not sum to 1": Case(
        "shrunk_probabilities",
        Refusal(
            "serving",
            "distance of sums from 1",
            "serving_default",
            Between(0.0999, 0.1001),
            1e-4,
        ),
    ),
    "model that takes 0.3 s an image": Case(
        "slow",
        Refusal("serving", "latency in ms", "predict_pixels", Between(300, 5000), 100),
    ),
    "model that sleeps 10 s": Case(
        "sleeping",
        Refusal("serving", "answers in time", "predict_pixels", Between(30, 45), 30),
        ("--set", "serving_check.timeout=30.0"),
    ),
    "model that reads a file by its absolute path": Case(
        "reads_a_file",
        seen("reads from outside", Saying("ReadFile of /", "exports.py"), "none"),
    ),
    "model that writes a file": Case(
        "writes_a_file", seen("writes files", "WriteFile of log", "none")
    ),
    "model that calls Python": Case(
        "calls_python", seen("operations that servers lack", "EagerPyFunc", "none")
    ),
    "dropout left on": Case("drops_pixels", moved("calls", "error")),
    "probabilities that move by chance, 5 %": Case("guesses", moved("calls", "error")),
    "probabilities that move by chance, 0.006 %": Case(
        "guesses_slightly", moved("calls", "warn"), strength="warn"
    ),
    "predictions that depend on the batch, 5 %": Case(
        "answers_together", moved("batches", "error")
    ),
    "predictions that depend on the batch, 0.006 %": Case(
        "answers_together_slightly", moved("batches", "warn"), strength="warn"
    ),
    "predictions that change with each call": Case("ages", moved("calls", "error")),
    "predictions that change slowly with each call": Case(
        "ages_slowly", moved("processes", "warn"), strength="warn"
    ),
    "NaN for a blank picture": Case(
        "divides_by_the_contrast",
        seen("values not finite on the blank picture", 10, 0, "serving_default"),
    ),
    "model that fails for more than 1,024 images": Case(
        "up_to_1024_images",
        seen(
            "answers 5,000 images",
            Saying("InvalidArgumentError", "5000"),
            "class_id int64 [5000], probabilities float32 [5000, 10]",
            "serving_default",
        ),
    ),
    "model that keeps 100 kB of each call": Case(
        "leaks",
        seen("memory growth in MB", Between(80, 200), 50.0, "serving_default"),
    ),
    "model that keeps 20 kB of each call": Case(
        "leaks_slowly",
        seen("memory growth in MB", Between(10, 50), 10.0, "serving_default"),
        strength="warn",
    ),
    "first call that takes 8 s": Case(
        "starts_late",
        seen("first call in s", Between(1, 9), 1.0, "serving_default"),
        ("--set", "serving_check.max_first_call=1.0"),
    ),
    "first call that takes 8 s, which is allowed": Case(
        "starts_late",
        seen("first call in s", Between(1, 9), 1.0, "serving_default"),
        ("--set", "serving_check.warn_first_call=1.0"),
        "warn",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_serving_defect(bench, assert_refused, record_property, case: Case) -> None:
    record_property("family", "export")
    record_property("strength", case.strength)
    plant = functools.partial(train_with, f"tests.defects.exports.{case.run_fn}")
    finished = bench.run(
        *case.args, before=[plant, functools.partial(take_weights, bench.export)]
    )
    assert_refused(finished, case.refusal, case.strength)
