"""The Makefile: its help, and when it sets a checkout up before it runs something."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def test_help_lists_every_target():
    result = subprocess.run(
        ["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    listed = re.findall(r"^  ([\w-]+) +\S", result.stdout, re.MULTILINE)
    tests = ["test", "test-fast", "check", "defects"]
    rest = ["report", "bench", "accuracy", "checkers", "docs", "lock", "clean"]
    assert listed == ["help", "run", *tests, *rest]


ODD = ["plain", "a [1] #2 %41 'q' \"d\" é $HOME $x (y", "long" * 50]


@pytest.fixture(params=ODD)
def checkout(request, tmp_path) -> Path:
    """A checkout with a finished set-up, whose programs only say that they ran."""
    folder = tmp_path / request.param
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (folder / "requirements").mkdir()
    for name in ("setup.py", "Makefile"):
        shutil.copy(ROOT / name, folder)
    for name in ("tfx-1.16.txt", "tfx-1.21.txt", "uv.txt"):
        (folder / "requirements" / name).touch()
    (folder / "requirements" / "install.sh").write_text('echo "set up $*"\n')
    for name in ("python", "mnist-pipeline"):
        (bin_folder / name).write_text('#!/bin/sh\necho "ran $*"\n')
        (bin_folder / name).chmod(0o755)
    stamp = folder / ".venv" / ".complete"
    stamp.write_text(f"TFX 1.16, /usr/bin/python3, {folder}\n")
    os.utime(stamp, (2**31, 2**31))
    return folder


def make(folder: Path, target: str) -> list[str]:
    """Returns the lines that make prints."""
    # An outer make hands its arguments on in the environment; this one gets none.
    done = subprocess.run(
        ["make", target],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_make_runs_at_once_where_all_is_set_up(checkout):
    assert make(checkout, "run") == ["ran run"]


def test_make_sets_up_again_what_was_moved(checkout):
    moved = checkout.rename(checkout.with_name(f"{checkout.name[:9]} 2"))
    assert make(moved, "run") == ["set up ", "ran run"]


def test_make_sets_up_again_what_was_copied(checkout):
    copy = checkout.with_name(f"{checkout.name[:9]} 2")
    shutil.copytree(checkout, copy)
    assert make(copy, "run") == ["set up ", "ran run"]


def test_make_sets_up_again_where_python_is_gone(checkout):
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no such python")
    assert make(checkout, "run") == ["set up ", "ran run"]


def test_make_clean_leaves_what_it_did_not_make(checkout):
    for name in ("build", "dist"):
        (checkout / name).mkdir()
    assert make(checkout, "clean")[0] == "set up --remove"
    assert (checkout / "build").is_dir()
    assert (checkout / "dist").is_dir()
    assert (checkout / ".venv" / "bin" / "python").exists()
