"""``run`` before anything is loaded: what its options do to the configuration."""

import json
import re
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from components.errors import PipelineError, UsageError
from components.gates import EXIT_CODES
from pipeline import cli
from pipeline.commands import run as module
from pipeline.config import Config


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configurations of runs that would have been executed."""
    configs = []

    def pretend(config: Config, run_id: str, as_json: bool, verbose: bool) -> int:
        configs.append(config)
        return 0

    monkeypatch.setattr(module, "_run", pretend)
    return configs


def call(workspace: Path, *args: str) -> None:
    arguments = ["--workspace", str(workspace), *args]
    result = CliRunner().invoke(module.run, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def checkpoint(workspace: Path) -> Path:
    file = workspace / "checkpoints" / "digest" / "checkpoint.npz"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


def test_fresh_removes_checkpoints_and_changes_no_setting(started, tmp_path) -> None:
    file = checkpoint(tmp_path)
    call(tmp_path)
    assert file.exists()
    call(tmp_path, "--fresh")

    assert not file.exists()
    # What is cached stays cached.
    assert started[0] == started[1]


def test_a_warm_start_is_off_unless_asked_for(started, tmp_path: Path) -> None:
    call(tmp_path)
    call(tmp_path, "--warm-start")
    call(tmp_path, "--set", "warm_start=true")

    assert [config.warm_start for config in started] == [False, True, True]


def test_run_ids_are_in_utc_and_sort_by_time(monkeypatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    before = datetime.now(timezone.utc)
    run_id = module.new_run_id()
    monkeypatch.delenv("TZ")
    time.tzset()

    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", run_id)
    assert run_id[:15] >= f"{before:%Y%m%d-%H%M%S}"
    started = datetime.strptime(run_id[:15] + "+0000", "%Y%m%d-%H%M%S%z")
    assert (started - before).total_seconds() < 3600


@pytest.mark.parametrize(
    ("text", "received"),
    [("", "no feature"), ('feature { name: "x" }', "the features x")],
)
def test_a_schema_of_other_features_is_refused(tmp_path, started, text, received):
    file = tmp_path / "schema.pbtxt"
    file.write_text(text)
    with pytest.raises(
        UsageError, match=rf"a feature 'image'\. Received: {received}\."
    ):
        call(tmp_path / "w", "--schema", str(file))
    assert not (tmp_path / "w").exists()


def test_metadata_of_another_workspace_is_refused_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: Config) -> list[str]:
        raise PipelineError("Received: that of another workspace")

    monkeypatch.setattr(module, "settle_workspace", refuse)
    monkeypatch.setitem(sys.modules, "pipeline.run.pipeline_run", None)
    with pytest.raises(PipelineError, match="that of another workspace"):
        call(tmp_path)


@pytest.mark.parametrize("status", EXIT_CODES)
@pytest.mark.parametrize("options", [[], ["--json"], ["--verbose"]])
def test_the_last_line_is_the_path_of_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd, status: str, options
) -> None:
    summary = {
        "run_id": "run-1",
        "status": status,
        "failure": None,
        "components": [],
        "metrics": None,
        "baseline": None,
        "checks": [],
        "model": {"path": "/serving/1", "version": 1},
        "seconds": 1.0,
    }

    def execute(config: Config, run_id: str, screen, started: float) -> SimpleNamespace:
        page = config.reports / run_id / "index.html"
        page.parent.mkdir(parents=True)
        page.touch()
        code = EXIT_CODES[status]
        return SimpleNamespace(summary=summary, results=[], exit_code=code)

    monkeypatch.setitem(
        sys.modules, "pipeline.run.pipeline_run", SimpleNamespace(run_pipeline=execute)
    )
    arguments = ["mnist-pipeline", "run", "--workspace", str(tmp_path), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capfd.readouterr()

    assert caught.value.code == EXIT_CODES[status]
    [page] = (tmp_path / "reports").glob("*/index.html")
    if options == ["--json"]:
        assert json.loads(said.out) == summary
        assert said.err.splitlines()[-1] == str(page)
    else:
        assert said.out.splitlines()[-1] == str(page)
