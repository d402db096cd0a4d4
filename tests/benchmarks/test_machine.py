"""What a result says it was measured on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import machine

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A commit of two files: a result and code."""
    (tmp_path / "benchmarks").mkdir()
    for name in ("ACCURACY.md", "accuracy.py"):
        (tmp_path / "benchmarks" / name).write_text("old")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    monkeypatch.setattr(machine, "PROJECT_ROOT", tmp_path)
    return tmp_path


def test_a_result_does_not_change_what_the_next_one_measures(checkout: Path) -> None:
    (checkout / "benchmarks" / "ACCURACY.md").write_text("new")

    assert machine.current_commit() == git(checkout, "rev-parse", "--short", "HEAD")


def test_changed_code_is_not_what_was_committed(checkout: Path) -> None:
    (checkout / "benchmarks" / "accuracy.py").write_text("new")

    commit = git(checkout, "rev-parse", "--short", "HEAD")
    assert machine.current_commit() == f"{commit}-dirty"


def test_without_git_the_commit_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "PROJECT_ROOT", tmp_path)

    assert machine.current_commit() == "unknown"
