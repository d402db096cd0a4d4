"""The end of a run: its summary, the link to it, and a page that may fail."""

import io
import json
from typing import Any

import pytest

from pipeline.config import Config, load_config
from pipeline.digests import NO_DIGESTS
from pipeline.run import pipeline_run
from pipeline.run.pipeline_run import FinishedRun, run_pipeline
from pipeline.run.screen import NodeScreen

pytestmark = pytest.mark.slow

SUMMARY = {"status": "model_rejected", "run_id": "run-1"}


@pytest.fixture
def config(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A configuration whose runs do nothing and end with ``SUMMARY``."""
    for name, result in (
        ("clear_interrupted", []),
        ("read_digests", NO_DIGESTS),
        ("create_pipeline", None),
        ("run_nodes", []),
        ("summarize", SUMMARY),
    ):
        monkeypatch.setattr(pipeline_run, name, lambda *_, result=result, **__: result)
    return load_config(workspace=tmp_path)


def run(
    config: Config, monkeypatch: pytest.MonkeyPatch, page: Any
) -> tuple[FinishedRun, str]:
    """Ends a run whose page is written by ``page``; also returns the screen."""
    monkeypatch.setattr(pipeline_run, "write_page", page)
    stream = io.StringIO()
    return run_pipeline(config, "run-1", NodeScreen(stream), 0.0), stream.getvalue()


def test_a_page_that_fails_does_not_change_how_the_run_ended(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> list[str]:
        raise OSError("[no] room")

    ended, screen = run(config, monkeypatch, broken)

    assert ended.exit_code == 4
    assert "There is no report: OSError: [no] room" in screen
    latest = config.reports / "latest"
    assert latest.resolve() == config.reports / "run-1"
    assert json.loads((latest / "summary.json").read_text()) == SUMMARY


def test_parts_that_are_missing_are_said(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, screen = run(config, monkeypatch, lambda *_: ["The report lacks weights"])

    assert ended.exit_code == 4
    assert screen.splitlines()[-1] == "The report lacks weights"


def test_a_whole_page_needs_no_words(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def write_page(directory, summary, lineage) -> list[str]:
        calls.append((directory, summary))
        return []

    _, screen = run(config, monkeypatch, write_page)

    assert calls == [(config.reports / "run-1", SUMMARY)]
    assert [line.split()[:2] for line in screen.splitlines()] == [["report", "done"]]


def test_a_latest_that_cannot_be_made_does_not_change_how_the_run_ended(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise PermissionError("[no] entry")

    monkeypatch.setattr(pipeline_run, "point_latest", refuse)
    ended, screen = run(config, monkeypatch, lambda *_: [])

    assert ended.exit_code == 4
    assert "reports/latest is an older run: [no] entry" in screen
    assert [line.split()[:2] for line in screen.splitlines()][-1] == ["report", "done"]
