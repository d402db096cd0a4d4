"""Exports of a good model that could not serve."""

import functools

import attrs
import pytest

from tests.defects.bench import take_weights
from tests.defects.exports import train_with
from tests.defects.kind import Between, Refusal, Saying


@attrs.frozen
class Case:
    """An export that is spoilt.

    Attributes:
      run_fn: in ``exports``; spoils the export.
      refusal: the check that must stop it.
      args: of the run.
    """

    run_fn: str
    refusal: Refusal
    args: tuple[str, ...] = ()


def missing(signature: str) -> Refusal:
    return Refusal("serving", "has the signature", signature, "missing", "present")


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
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_serving_defect(bench, assert_refused, case: Case) -> None:
    plant = functools.partial(train_with, f"tests.defects.exports.{case.run_fn}")
    finished = bench.run(
        *case.args, before=[plant, functools.partial(take_weights, bench.export)]
    )
    assert_refused(finished, case.refusal)
