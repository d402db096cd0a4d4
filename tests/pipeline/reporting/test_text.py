"""The end of a run in words: exact lines for each way that a run ends."""

import io
from pathlib import Path
from typing import Any

import pytest

from components.errors import PipelineError
from pipeline.reporting.text import (
    cause,
    failure_text,
    name_labels,
    percent,
    print_summary,
    terminal,
)

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"]
NAMES += ["Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
PER_CLASS = {str(digit): 0.99 - digit / 1000 for digit in range(10)}


def summary(**changes: Any) -> dict[str, Any]:
    """A run that pushed a model, with changes."""
    return {
        "status": "pushed",
        "components": [
            {"id": "Trainer", "cached": False},
            {"id": "BaselineResolver", "cached": False},
            {"id": "Pusher", "cached": False},
        ],
        "metrics": {"accuracy": 0.98664, "loss": 0.04567, "per_class": PER_CLASS},
        "baseline": None,
        "checks": [],
        "model": {"path": "/w/serving/mnist/3", "version": 3},
        "seconds": 61.26,
        **changes,
    }


def lines(content: dict[str, Any], width: int | None = None) -> list[str]:
    """The printed lines without padding, and without the empty one at the start."""
    stream = io.StringIO()
    console = terminal(stream)
    console.width = width or console.width
    print_summary(console, content)
    first, *rest = stream.getvalue().splitlines()
    assert first == ""
    return [line.rstrip() for line in rest]


def test_a_pushed_model_shows_metrics_digits_and_its_place() -> None:
    metrics, digits, accuracies, outcome = lines(summary())

    assert metrics == "test accuracy 98.66 %, loss 0.0457"
    assert digits.split() == ["digit", *"0123456789"]
    assert accuracies.split() == [
        "accuracy",
        "%",
        *[
            "99.0",
            "98.9",
            "98.8",
            "98.7",
            "98.6",
            "98.5",
            "98.4",
            "98.3",
            "98.2",
            "98.1",
        ],
    ]
    assert outcome == "pushed to /w/serving/mnist/3, 61.3 s"


def test_the_command_that_moves_suspects_aside_can_be_pasted() -> None:
    found = lines(
        summary(
            suspects={"file": "/w [1]/suspects.csv", "records": 12},
            config={"data": "/my data/"},
        )
    )

    assert found[3].startswith("  next /w [1]/suspects.csv lists the records,")
    assert found[4] == (
        "  mnist-pipeline data quarantine '/my data' --records '/w [1]/suspects.csv' "
        "--out '/my data-clean'"
    )


def test_each_digit_stands_over_its_accuracy() -> None:
    _, digits, accuracies, _ = lines(summary())

    for digit, share in PER_CLASS.items():
        end = digits.index(f" {digit}") + 2
        assert accuracies[:end].endswith(f"{100 * share:.1f}")


def test_named_classes_have_a_row_each() -> None:
    _, heading, *rows, outcome = lines(summary(classes=NAMES))

    assert heading.split() == ["label", "accuracy", "%", "class"]
    assert rows[0].split(maxsplit=2) == ["0", "99.0", "T-shirt/top"]
    assert rows[9].split(maxsplit=2) == ["9", "98.1", "Ankle boot"]
    assert len(rows) == 10
    assert len({row.index(row.split(maxsplit=2)[2]) for row in rows}) == 1
    assert outcome == "pushed to /w/serving/mnist/3, 61.3 s"


def test_long_names_fold_within_a_narrow_terminal() -> None:
    long = [*NAMES[:3], f"{'left shoe of a pair, ' * 3}worn", *NAMES[4:]]
    printed = lines(summary(classes=long), width=80)

    assert max(map(len, printed)) <= 80
    row = next(i for i, line in enumerate(printed) if line.startswith("3 "))
    assert printed[row].split()[:3] == ["3", "98.7", "left"]
    assert printed[row + 1].strip() == "pair, worn"
    assert printed[row + 2].startswith("4 ")


def test_a_name_is_not_taken_for_markup() -> None:
    printed = lines(summary(classes=["[red]top[/]", *NAMES[1:]]))

    assert printed[2].endswith("[red]top[/]")


def test_a_failed_check_names_its_class() -> None:
    check = {
        "gate": "model",
        "name": "accuracy",
        "slice": "digit 3",
        "value": 0.5,
        "bound": 0.7,
        "passed": False,
        "advice": "No example of class 6, 9; correct them.",
    }
    printed = lines(summary(classes=NAMES, checks=[check]))

    assert printed[-3] == "✗ model gate: accuracy, class 3 (Dress): 0.5, bound 0.7"
    assert printed[-2] == (
        "  next No example of class 6 (Shirt), 9 (Ankle boot); correct them."
    )


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("digit 3", "class 3 (Dress)"),
        ("Digit 3, 4", "Class 3 (Dress), 4 (Coat)"),
        ("class 3", "class 3 (Dress)"),
        ("Class 0 is the rarest", "Class 0 (T-shirt/top) is the rarest"),
        ("1 image labelled 3 and 8", "1 image labelled 3 (Dress) and 8 (Bag)"),
        ("digit 31, subclass 3, 4 images", "digit 31, subclass 3, 4 images"),
    ],
)
def test_names_stand_beside_labels_alone(said: str, named: str) -> None:
    assert name_labels(said, NAMES) == named
    assert name_labels(said, [str(digit) for digit in range(10)]) == said


def test_a_baseline_is_shown_beside_the_accuracy() -> None:
    baseline = {"accuracy": 0.9712, "loss": 0.1, "per_class": PER_CLASS}

    assert lines(summary(baseline=baseline))[0] == (
        "test accuracy 98.66 %, loss 0.0457 (baseline 97.12 %)"
    )


def test_a_metric_that_is_missing_is_none_and_not_zero() -> None:
    metrics = {
        "accuracy": None,
        "loss": None,
        "per_class": {**PER_CLASS, "4": None},
    }
    first, _, accuracies, _ = lines(summary(metrics=metrics))

    assert first == "test accuracy none"
    assert accuracies.split()[2:8] == ["99.0", "98.9", "98.8", "98.7", "none", "98.5"]


def test_a_run_where_all_was_cached_says_so() -> None:
    components = [
        {"id": "Trainer", "cached": True},
        {"id": "BaselineResolver", "cached": False},
        {"id": "Pusher", "cached": True},
    ]

    assert lines(summary(components=components))[-1] == (
        "pushed to /w/serving/mnist/3; nothing changed, so no node ran again, 61.3 s"
    )


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("published", "pushed to /w/serving/mnist/3, 61.3 s"),
        ("kept", "pushed to /w/serving/mnist/3, 61.3 s"),
        ("rolled_back", "nothing published: /w/serving/mnist/3 serves, 61.3 s"),
        ("superseded", "pushed; /w/serving/mnist/3 serves, 61.3 s"),
    ],
)
def test_what_serves_is_told(state: str, outcome: str) -> None:
    serving = {"state": state, "text": "Because [of] that."}
    assert lines(summary(serving=serving))[-2:] == ["Because [of] that.", outcome]


def test_which_model_it_was_compared_with_is_told() -> None:
    chosen = {"uri": None, "version": None, "run_id": None, "why": "no model: [none]"}
    assert "compared with no model: [none]" in lines(summary(baseline_model=chosen))


def test_one_node_that_ran_is_a_change() -> None:
    components = [{"id": "Trainer", "cached": True}, {"id": "Pusher", "cached": False}]

    assert lines(summary(components=components))[-1] == (
        "pushed to /w/serving/mnist/3, 61.3 s"
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("data_rejected", "data rejected"),
        ("model_rejected", "model rejected"),
        ("serving_rejected", "serving check rejected"),
        ("failed", "failed"),
    ],
)
def test_any_other_end_is_named(status: str, words: str) -> None:
    assert lines(summary(status=status, metrics=None)) == [f"{words}, 61.3 s"]


def test_a_path_shows_brackets_as_they_are() -> None:
    model = {"path": "/w/[red]/3", "version": 3}

    assert lines(summary(model=model))[-1] == "pushed to /w/[red]/3, 61.3 s"


def test_a_long_path_stays_on_one_line() -> None:
    model = {"path": "/" + "long/" * 100, "version": 3}

    assert lines(summary(model=model))[-1] == f"pushed to {model['path']}, 61.3 s"


def test_the_cause_is_what_went_wrong_at_the_root() -> None:
    root = ValueError("\n  Expected 3 files.\nReceived: 2.")
    middle, outer = RuntimeError("in the node"), OSError("in the run")
    middle.__cause__ = root
    outer.__cause__ = middle

    assert cause(outer) == "ValueError: Expected 3 files."


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (KeyError("epochs"), "KeyError: 'epochs'"),
        (RuntimeError(), "RuntimeError: no message"),
        (RuntimeError("  \n"), "RuntimeError: no message"),
    ],
)
def test_the_cause_names_the_kind_of_error(error, expected) -> None:
    assert cause(error) == expected


def test_an_error_of_ours_says_it_all_itself() -> None:
    ours = PipelineError("Expected room.\nReceived: none.")
    ours.__cause__ = OSError("No space left on device")
    outer = RuntimeError("in the node")
    outer.__cause__ = ours

    assert cause(outer) == "Expected room.\nReceived: none."


def test_a_failure_names_node_cause_and_log() -> None:
    stream = io.StringIO()
    error = ValueError("shape [28, 28]")
    terminal(stream).print(failure_text("Trainer", error, Path("/w/logs/[a].log")))

    assert stream.getvalue() == (
        "Trainer failed: ValueError: shape [28, 28]\n"
        "The log with the full traceback: /w/logs/[a].log\n"
    )


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.98664, "98.66 %"), (1.0, "100.00 %"), (0.0, "0.00 %"), (None, "none")],
)
def test_percent(share: float | None, expected: str) -> None:
    assert percent(share) == expected
