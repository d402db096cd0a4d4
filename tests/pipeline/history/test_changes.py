"""What two runs wrote down differently."""

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.history.changes import compare_runs, flatten
from pipeline.history.runs import RunHistory
from tests.pipeline.history.made_history import Recorder


def runs(recorder: Recorder):
    return RunHistory(load_config(workspace=recorder.workspace)).runs


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def test_every_difference_is_told_and_nothing_else(recorder: Recorder) -> None:
    recorder.summarize("run-1")
    recorder.summarize(
        "run-2",
        status="model_rejected",
        model={"path": None, "version": None},
        config={"preset": "quick", "train": {"epochs": 8, "seed": 1}},
        digests={"code": "c0de", "data": "new", "schema": "5c"},
        metrics={"accuracy": 0.7, "loss": 0.5, "per_class": {"0": 0.4}},
        versions={"python": "3.11.2"},
    )
    changes = compare_runs(*sorted(runs(recorder), key=lambda run: run.run_id))

    assert changes.unknown == {}
    assert changes.sections == {
        "outcome": {"status": ("pushed", "model_rejected"), "version": (7, None)},
        "config": {"train.epochs": (6, 8), "train.seed": (None, 1)},
        "digests": {"data": ("da7a", "new")},
        "data": {},
        "metrics": {"accuracy": (0.9, 0.7), "per_class.0": (0.8, 0.4)},
        "versions": {"python": ("3.10.13", "3.11.2")},
    }


def test_what_a_run_did_not_write_down_is_not_called_the_same(recorder) -> None:
    recorder.summarize("run-1", config=None, metrics=None)
    recorder.execute("run-2", "ExampleGen")
    first, second = sorted(runs(recorder), key=lambda run: run.run_id)

    assert compare_runs(first, first).unknown == {
        "config": ["run-1"],
        "metrics": ["run-1"],
    }
    changes = compare_runs(first, second)
    assert changes.sections == {}
    assert changes.unknown["config"] == ["run-1", "run-2"]
    assert changes.unknown["digests"] == ["run-2"]


def test_flatten_keeps_lists_and_dots_the_keys() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": [2]}, "e": None}) == {
        "a.b.c": 1,
        "a.d": [2],
        "e": None,
    }
