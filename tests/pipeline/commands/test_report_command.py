"""``mnist-pipeline report``: which run, what it writes, what it cannot write."""

import json
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from components.errors import PipelineError, UsageError
from pipeline.commands.report import report
from pipeline.reporting import report as module

pytestmark = pytest.mark.slow

SUMMARY = {
    "run_id": "run-2",
    "pipeline": "mnist",
    "status": "failed",
    "failure": {"node": "Trainer", "cause": "ValueError: no batch"},
    "components": [],
    "data": {},
    "metrics": None,
    "baseline": None,
    "checks": [],
    "model": {"path": None, "version": None},
    "seconds": 1.5,
    "versions": {},
}
METRICS = {"accuracy": 0.5, "loss": 1.0, "per_class": {"0": 0.5}}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Holds the reports of two runs; ``latest`` leads to the second."""
    for name in ("run-1", "run-2"):
        folder = tmp_path / "reports" / name
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps({**SUMMARY, "run_id": name}))
    (tmp_path / "reports" / "latest").symlink_to("run-2")
    return tmp_path


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    """What was to be written: folder and run, in place of writing it."""
    calls = []

    def write_page(directory: Path, summary: dict[str, Any], lineage: Any) -> list[str]:
        calls.append((directory, summary["run_id"]))
        return ["The report lacks training: OSError: [gone]"]

    monkeypatch.setattr(module, "write_page", write_page)
    return calls


def call(workspace: Path, *args: str) -> str:
    result = CliRunner().invoke(
        report, [*args, "--workspace", str(workspace)], catch_exceptions=False
    )
    assert result.exit_code == 0
    return result.output


def test_the_latest_run_is_the_default(workspace: Path, written, capfd) -> None:
    before = (workspace / "reports/run-2/summary.json").read_text()
    out = call(workspace)

    assert written == [(workspace / "reports/run-2", "run-2")]
    assert out.splitlines()[-1] == str(workspace / "reports/run-2/index.html")
    assert (workspace / "reports/run-2/summary.json").read_text() == before
    assert "The report lacks training: OSError: [gone]" in capfd.readouterr().err


def test_latest_may_be_a_file_where_there_are_no_links(workspace, written) -> None:
    latest = workspace / "reports" / "latest"
    latest.unlink()
    latest.write_text("run-1\n")
    call(workspace)

    assert written == [(workspace / "reports/run-1", "run-1")]


def test_a_run_is_named(workspace: Path, written) -> None:
    call(workspace, "run-1")

    assert written == [(workspace / "reports/run-1", "run-1")]


def test_an_unknown_run_is_refused_with_those_that_are_known(workspace: Path) -> None:
    with pytest.raises(
        UsageError, match=r"Received: run-9\. Known runs: .*run-1, run-2"
    ):
        call(workspace, "run-9")


@pytest.mark.parametrize(
    ("content", "received"),
    [
        ("", "no JSON: "),
        ("{", "no JSON: "),
        ("{}", "run_id: missing"),
        ("[]", "a value that is no table"),
        ("null", "a value that is no table"),
        ({"status": "melted"}, "status: .*'melted' is none of pushed, failed, "),
        ({"status": 3}, "status: no text"),
        ({"checks": [{"gate": "data"}]}, "checks: .*a check that is none"),
        ({"checks": 1}, "checks: no list"),
        ({"components": [{}]}, "components.0.id: missing"),
        ({"metrics": {"accuracy": 0.5}}, "metrics.loss: missing"),
        ({"model": None}, "model: no table"),
        ({"seconds": "long"}, "seconds: no number"),
        ({"config": [1]}, "config: no table"),
        ({"classes": ["one", "one"]}, "classes: .*expected distinct names"),
        ({"run_id": "run-2"}, "of run-2"),
    ],
)
def test_a_damaged_summary_is_named(workspace: Path, content, received: str) -> None:
    if isinstance(content, dict):
        content = json.dumps({**SUMMARY, "run_id": "run-1", **content})
    file = workspace / "reports/run-1/summary.json"
    file.write_text(content)

    with pytest.raises(PipelineError, match=rf"Expected .*Received: {received}"):
        call(workspace, "run-1")
    assert file.read_text() == content
    assert not (workspace / "reports/run-1/index.html").exists()


def test_a_summary_whose_outcome_cannot_be_shown_is_named(workspace, written) -> None:
    names = [f"class {label}" for label in range(10)]
    content = {**SUMMARY, "run_id": "run-1", "metrics": METRICS, "classes": names}
    (workspace / "reports/run-1/summary.json").write_text(json.dumps(content))

    with pytest.raises(PipelineError, match="outcome cannot be shown"):
        call(workspace, "run-1")


def test_a_page_that_cannot_be_written_is_an_error(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> list[str]:
        raise OSError("read-only")

    monkeypatch.setattr(module, "write_page", broken)

    with pytest.raises(PipelineError, match="could not be written: OSError: read-only"):
        call(workspace)
    assert "OSError: read-only" in (workspace / "logs/run-2-report.log").read_text()


def test_open_hands_the_page_to_a_browser(
    workspace: Path, written, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda page: not opened.append(page))
    call(workspace)
    assert opened == []

    call(workspace, "--open")
    assert opened == [f"file://{workspace}/reports/run-2/index.html"]


def test_without_a_browser_the_page_is_named(
    workspace: Path, written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda page: False)

    with pytest.raises(PipelineError, match=r"Open .*/run-2/index.html yourself"):
        call(workspace, "--open")
