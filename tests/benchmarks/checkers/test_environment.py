"""The other checkers are installed from a lock, apart from this project."""

import re
import sys

import pytest

from benchmarks.checkers import environment
from benchmarks.checkers.environment import make_environment
from components.checkout import PROJECT_ROOT

REQUIREMENTS = PROJECT_ROOT / "requirements"


def pins(name: str) -> set[tuple[str, str]]:
    text = (REQUIREMENTS / name).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*)(?:\[\w+\])?==([\w.]+)", text, re.M))


def test_an_environment_is_made_and_filled_from_the_lock(tmp_path, monkeypatch):
    commands = []
    monkeypatch.setattr(environment, "run_measured", commands.append)

    python = make_environment(tmp_path / "env", "python3.10")

    assert python == str(tmp_path / "env" / "bin" / "python")
    uv = [sys.executable, str(REQUIREMENTS / "uv_as_pip.py")]
    made, filled = commands
    assert made == [*uv, "venv", "--python", "python3.10", str(tmp_path / "env")]
    assert filled[: len(uv) + 2] == [*uv, "pip", "install"]
    assert filled[filled.index("--python") + 1] == python
    assert "--require-hashes" in filled
    assert filled[-2:] == ["--requirement", str(REQUIREMENTS / "checkers.txt")]


@pytest.mark.parametrize("name", ["cleanlab", "cleanvision", "deepchecks", "torch"])
def test_the_lock_holds_what_is_asked_for(name):
    [wanted] = [pin for pin in pins("checkers.in") if pin[0] == name]

    assert wanted in pins("checkers.txt")


def test_what_is_replaced_is_not_in_the_lock():
    names = {name for name, _ in pins("checkers.txt")}

    assert "opencv-python-headless" in names
    assert "opencv-python" not in names
