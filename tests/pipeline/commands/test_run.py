"""``run`` before anything is loaded: what its options do to the configuration."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.errors import PipelineError
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


def test_metadata_of_another_workspace_is_refused_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(config: Config) -> list[str]:
        raise PipelineError("Received: that of another workspace")

    monkeypatch.setattr(module, "settle_workspace", refuse)
    monkeypatch.setitem(sys.modules, "pipeline.execution", None)
    with pytest.raises(PipelineError, match="that of another workspace"):
        call(tmp_path)
