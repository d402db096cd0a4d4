"""The copy that a probe gets, and what it can reach from there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.serving.isolation import become, homeless, private_copy


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "a [model]"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"weights")
    (folder / "variables" / "data").chmod(0o600)
    return folder


def test_the_copy_is_whole_and_gone_afterwards(export: Path) -> None:
    with private_copy(export) as copy:
        inside = copy.folder / "export"
        assert (inside / "saved_model.pb").read_bytes() == b"graph"
        assert (inside / "variables" / "data").read_bytes() == b"weights"
        assert copy.changed() == []
        assert not copy.folder.is_relative_to(export.parent)
        for path in (inside, *inside.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o555 if path.is_dir() else 0o444)
        assert copy.folder.stat().st_mode & 0o777 == 0o500
        assert copy.folder.stat().st_uid == (copy.user or os.geteuid())
    assert not copy.folder.exists()
    assert (export / "variables" / "data").stat().st_mode & 0o777 == 0o600


def test_what_changes_in_the_copy_is_named(export: Path) -> None:
    with private_copy(export) as copy:
        inside = copy.folder / "export"
        for folder in (inside, inside / "variables"):
            folder.chmod(0o700)
        (inside / "log").write_bytes(b"")
        (inside / "variables" / "data").chmod(0o600)
        (inside / "variables" / "data").write_bytes(b"more weights")
        assert copy.changed() == ["export", "export/log", "export/variables/data"]
    assert (export / "variables" / "data").read_bytes() == b"weights"


WRITES = """
import os, sys
from components.serving.isolation import become
os.chdir(sys.argv[1])
print(become(int(sys.argv[2]) if sys.argv[2] else None))
print(open("export/saved_model.pb", "rb").read())
for name in ("export/log", "log", "export/saved_model.pb"):
    try:
        open(name, "ab")
    except PermissionError:
        print("refused")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_reads_the_copy_and_writes_nowhere(export: Path) -> None:
    with private_copy(export) as copy:
        assert copy.user == 65534
        said = written(copy.folder, copy.user)
    assert said == ["as user 65534", "b'graph'", *["refused"] * 3]


def test_without_another_user_it_says_so(export: Path) -> None:
    with private_copy(export) as copy:
        said = written(copy.folder, None)[:2]
    assert said == ["as the same user, since only root can become another", "b'graph'"]
    assert become(None) == said[0]


def written(folder: Path, user: int | None) -> list[str]:
    command = [sys.executable, "-c", WRITES, str(folder), str(user or "")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_nobody_has_a_home() -> None:
    environ = {"HOME": "/home/me", "XDG_CACHE_HOME": "/home/me/.cache", "PATH": "/bin"}

    assert homeless(environ) == {"HOME": "/nonexistent", "PATH": "/bin"}
    assert homeless({}) == {"HOME": "/nonexistent"}
