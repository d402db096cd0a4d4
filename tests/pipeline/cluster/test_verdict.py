"""The verdict at the end of a Kubeflow run: the exit code and the sentence."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from components.gates import EXIT_CODES
from pipeline.cluster.verdict import cli
from pipeline.config import Config

DRIFT = {
    "gate": "data",
    "name": "leakage",
    "slice": "train/test",
    "value": 50,
    "bound": 0,
    "passed": False,
    "advice": "Remove them from train.",
}


@pytest.fixture(autouse=True)
def _no_handler_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.cluster.verdict.log_to_stdout", lambda verbose: None)


def judge(config: Config, run_id: str, summary: dict[str, Any] | None) -> Result:
    """Runs the task on a run with that ``summary.json``."""
    if summary is not None:
        folder = config.reports / run_id
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps(summary))
    options = ["--workspace", str(config.workspace), "--data", str(config.data)]
    return CliRunner().invoke(cli, ["--run-id", run_id, *options])


def summary(status: str, *checks: dict[str, Any]) -> dict[str, Any]:
    return {
        "run_id": "run-1",
        "pipeline": "mnist",
        "status": status,
        "data": {},
        "versions": {},
        "failure": None,
        "metrics": None,
        "baseline": None,
        "checks": list(checks),
        "components": [],
        "model": {"path": "serving/1"},
        "seconds": 1.0,
    }


@pytest.mark.parametrize(("status", "code"), EXIT_CODES.items())
def test_it_returns_what_the_run_would(status: str, code: int, config: Config) -> None:
    assert judge(config, "run-1", summary(status)).exit_code == code


def test_a_refusal_says_what_was_seen_and_what_to_do(config: Config) -> None:
    output = judge(config, "run-1", summary("data_rejected", DRIFT)).output

    assert "data gate: leakage, train/test: 50, bound 0" in output
    assert "Remove them from train." in output
    assert "data rejected" in output


def test_a_run_without_a_summary_is_refused(config: Config) -> None:
    result = judge(config, "run-1", None)

    assert result.exit_code != 0
    assert "Expected a run with a report in" in str(result.exception)
