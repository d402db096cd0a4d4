"""When, how and on what a run ran."""

import sys
from datetime import datetime, timedelta, timezone

import pytest

from pipeline.environment import surroundings
from pipeline.environment.surroundings import describe_surroundings


def test_the_start_has_a_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = datetime.fromisoformat(describe_surroundings(3600.0)["started"])
    ago = datetime.now(timezone.utc) - found
    assert abs(ago - timedelta(hours=1)) < timedelta(minutes=5)


def test_the_command_is_one_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["/home/me/.venv/bin/mnist-pipeline", "run", "--data", "/my data"]
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(surroundings, "current_commit", lambda: "c0ffee")
    found = describe_surroundings(0.0)

    assert found["command"] == "mnist-pipeline run --data '/my data'"
    assert found["commit"] == "c0ffee"


def test_the_machine_is_this_one(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(surroundings, "_CPU_INFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("flags : a\nmodel name\t: A CPU @ 2 GHz\n")
    machine = describe_surroundings(0.0)["machine"]

    assert machine["processor"] == "A CPU @ 2 GHz"
    assert machine["cores"] >= 1
    assert machine["memory_gb"] > 0.1
