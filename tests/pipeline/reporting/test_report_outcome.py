"""What is said of each way that a run ends."""

from typing import Any

import attrs
import pytest

from components.checks import Check
from pipeline.reporting.outcome import read_outcome

PASSED = Check("data", "size", "train", 4000, 1000, True)
LEAK = Check("data", "leakage", "train/test", 7, 0, False, advice="Remove them.")
DRIFT = Check("data", "drift", "val", 0.2, 0.1, False, "warn", "Look at digit 3.")
WEAK = Check("model", "accuracy", "digit 3", 0.5, 0.9, False, advice="Train longer.")
NAMES = ["Top", "Trouser", "Pullover", "Dress", "Coat"]
NAMES += ["Sandal", "Shirt", "Sneaker", "Bag", "Boot"]


def summary(status: str, *checks: Check, **changes: Any) -> dict[str, Any]:
    return {
        "status": status,
        "checks": [attrs.asdict(check) for check in checks],
        "components": [
            {"id": "Trainer", "state": "done", "cached": False},
            {"id": "BaselineResolver", "state": "done", "cached": False},
        ],
        "model": {"version": 7},
        "failure": None,
        **changes,
    }


def test_a_pushed_model() -> None:
    outcome = read_outcome(summary("pushed", PASSED, PASSED))

    assert outcome.good
    assert outcome.headline == "Pushed as version 7"
    assert outcome.reasons == ["2 of 2 checks passed."]
    assert outcome.warnings == []
    assert outcome.steps == [
        "Classify images of your own with mnist-pipeline predict IMAGE."
    ]


@pytest.mark.parametrize(
    ("state", "headline"),
    [
        ("published", "Pushed as version 7"),
        ("kept", "Pushed as version 7"),
        ("rolled_back", "Nothing published: version 7 serves on purpose"),
        ("superseded", "Pushed, and version 7 of a later run serves"),
    ],
)
def test_what_serves_is_told(state: str, headline: str) -> None:
    serving = {"state": state, "text": "Why."}
    outcome = read_outcome(summary("pushed", PASSED, serving=serving))

    assert (outcome.good, outcome.headline) == (True, headline)
    assert outcome.reasons[-1] == "Why."


def test_a_run_in_which_nothing_ran_says_so() -> None:
    nodes = [
        {"id": "Trainer", "state": "cached", "cached": True},
        {"id": "BaselineResolver", "state": "done", "cached": False},
    ]
    outcome = read_outcome(summary("pushed", PASSED, components=nodes))

    assert outcome.reasons[1] == "Nothing had changed, so no node ran again."


def test_a_warning_is_shown_with_its_advice_and_stops_nothing() -> None:
    outcome = read_outcome(summary("pushed", PASSED, DRIFT, classes=NAMES))

    assert outcome.good
    assert outcome.reasons[0].startswith("1 of 2 checks")
    assert outcome.warnings == ["data gate: drift, val: 0.2, bound 0.1"]
    assert outcome.steps[0] == "Look at class 3 (Dress)."


@pytest.mark.parametrize(
    ("status", "check", "headline", "reason"),
    [
        (
            "data_rejected",
            LEAK,
            "Not pushed: the data was rejected",
            "data gate: leakage, train/test: 7, bound 0",
        ),
        (
            "model_rejected",
            WEAK,
            "Not pushed: the model was rejected",
            "model gate: accuracy, class 3 (Dress): 0.5, bound 0.9",
        ),
    ],
)
def test_a_refusal_names_the_check_and_the_next_step(
    status: str, check: Check, headline: str, reason: str
) -> None:
    outcome = read_outcome(summary(status, PASSED, check, classes=NAMES))

    assert not outcome.good
    assert outcome.headline == headline
    assert outcome.reasons == [reason]
    assert outcome.steps == [check.advice]


def test_a_failure_names_the_node_and_the_cause() -> None:
    failure = {"node": "Trainer", "cause": "ValueError: no batch"}
    outcome = read_outcome(summary("failed", PASSED, failure=failure))

    assert outcome.headline == "Not pushed: the run failed"
    assert outcome.reasons == ["Trainer failed: ValueError: no batch"]
    assert outcome.steps[0].startswith("Read the log")


def test_a_failure_that_did_not_write_down_its_cause_names_the_node() -> None:
    old = summary("failed", components=[{"id": "Transform", "state": "failed"}])
    del old["failure"]

    assert read_outcome(old).reasons == ["Transform failed."]


def test_every_status_has_an_outcome() -> None:
    from components.gates import EXIT_CODES

    for status in EXIT_CODES:
        assert read_outcome(summary(status)).good == (status == "pushed")
