"""The commit of the code, where there is one."""

import re
import subprocess
from pathlib import Path

import pytest

from components.checkout import current_commit

HASH = re.compile(r"[0-9a-f]{40}")


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "check out"
    (root / "components").mkdir(parents=True)
    (root / "components" / "a.py").write_text("a = 1\n")
    (root / ".gitignore").write_text("*.pyc\n")
    git(tmp_path, "init", "--quiet", str(root))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    return root


def test_a_clean_checkout_has_its_commit(checkout: Path) -> None:
    (checkout / "notes.txt").touch()
    (checkout / "components" / "a.pyc").touch()
    assert HASH.fullmatch(current_commit(checkout))


@pytest.mark.parametrize("file", ["components/a.py", "components/b.py", ".gitignore"])
def test_changed_and_added_code_is_dirty(checkout: Path, file: str) -> None:
    clean = current_commit(checkout)
    with (checkout / file).open("a") as stream:
        stream.write("# more\n")
    assert current_commit(checkout) == f"{clean}-dirty"


def test_a_folder_below_a_checkout_is_none(checkout: Path) -> None:
    assert current_commit(checkout / "components") is None


def test_a_folder_without_git_is_none(tmp_path: Path, checkout, monkeypatch) -> None:
    assert current_commit(tmp_path) is None
    # As in a hook of another checkout.
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    assert current_commit(tmp_path) is None


def test_a_checkout_without_a_commit_is_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", ".")
    assert current_commit(tmp_path) is None


def test_without_the_program_there_is_none(checkout: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert current_commit(checkout) is None
