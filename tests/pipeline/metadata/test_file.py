"""A database that cannot be used is named and left alone; any other one passes."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from components.errors import PipelineError
from pipeline.metadata.file import check_metadata
from tests.pipeline.history.made_history import SUMMARY

pytestmark = pytest.mark.slow

PAGE = 4096


def make(file: Path, table: str = "MLMDEnv", rows: int = 2000) -> bytes:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE TABLE {table} (schema_version INTEGER, text TEXT)")
        values = [(10, "x" * 50)] * rows
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", values)
        connection.commit()
    return file.read_bytes()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "work space" / "metadata.sqlite"


@pytest.fixture
def whole(database: Path) -> bytes:
    database.parent.mkdir()
    return make(database)


def test_a_whole_database_passes(database: Path, whole: bytes) -> None:
    check_metadata(database)

    assert database.read_bytes() == whole


def test_a_missing_one_passes_and_is_not_made(database: Path) -> None:
    check_metadata(database)

    assert not database.exists()


def test_an_empty_one_passes_as_new(database: Path) -> None:
    database.parent.mkdir()
    database.touch()
    check_metadata(database)

    assert database.read_bytes() == b""


def damage(whole: bytes, how: str) -> bytes:
    return {
        "half": whole[: len(whole) // 2],
        "less than a page": whole[:100],
        "a page too few": whole[:-PAGE],
        "garbage": b"this is no database\n" * 300,
        "a few bytes": b"abc",
        "zeros": bytes(len(whole)),
        "a page of zeros": whole[:PAGE] + bytes(PAGE) + whole[2 * PAGE :],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "half",
        "less than a page",
        "a page too few",
        "garbage",
        "a few bytes",
        "zeros",
        "a page of zeros",
    ],
)
def test_a_damaged_one_is_refused_with_the_way_out(database, whole, how) -> None:
    content = damage(whole, how)
    database.write_bytes(content)

    with pytest.raises(PipelineError) as caught:
        check_metadata(database)
    message = str(caught.value)
    assert message.startswith(
        f"Expected a whole metadata database. Received: {database} ("
    )
    assert f"\n  mv '{database}' '{database}.damaged'\n" in message
    assert "Published versions, reports and logs are kept." in message
    assert caught.value.exit_code == 1
    assert database.read_bytes() == content
    assert list(database.parent.iterdir()) == [database]


def test_a_database_of_something_else_is_refused(database: Path) -> None:
    database.parent.mkdir()
    content = make(database, table="customers")

    with pytest.raises(PipelineError, match="a database of another kind"):
        check_metadata(database)
    assert database.read_bytes() == content


def test_what_cannot_be_opened_is_not_called_damaged(database: Path) -> None:
    database.mkdir(parents=True)

    with pytest.raises(PipelineError, match=r"can be opened.*Close other programs"):
        check_metadata(database)


KILLED = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE MLMDEnv SET text = 'half'")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_write_that_was_killed_is_rolled_back(database: Path, whole: bytes) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(database)], check=False)
    assert database.read_bytes() != whole
    check_metadata(database)

    with contextlib.closing(sqlite3.connect(database)) as connection:
        texts = connection.execute("SELECT DISTINCT text FROM MLMDEnv").fetchall()
    assert texts == [("x" * 50,)]


@pytest.mark.parametrize("command", ["run", "report"])
def test_a_command_refuses_before_anything_runs(database, whole, command) -> None:
    content = damage(whole, "half")
    database.write_bytes(content)
    summary = database.parent / "reports" / "latest" / "summary.json"
    summary.parent.mkdir(parents=True)
    summary.write_text(json.dumps(SUMMARY))
    options = ["--workspace", str(database.parent)]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", command, *options],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: Expected a whole metadata database.")
    assert "Traceback" not in done.stderr
    assert database.read_bytes() == content
    left = {path.name for path in database.parent.iterdir()}
    assert left == {"metadata.sqlite", "reports", ".lock"}
