"""Finds out whether the metadata database is fit to be opened, before a run starts.

The commands that open it ask first; TensorFlow and TFX are not imported for that.
"""

import contextlib
import shlex
import sqlite3
from pathlib import Path

from components.errors import PipelineError


def check_metadata(database: Path) -> None:
    """Refuses a damaged database, or what is no metadata database, as it is.

    A missing or empty file is fine: a run makes a new database there.

    Args:
      database: the SQLite file.

    Raises:
      PipelineError: says what is wrong and how to go on.
    """
    if not database.exists():
        return
    try:
        # Not read-only: a killed run may have left a journal to roll back.
        address = f"{database.absolute().as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            problem = _find_problem(connection)
    except sqlite3.OperationalError as error:
        raise PipelineError(
            f"Expected a metadata database that can be opened. Received: {database} "
            f"({error}). Close other programs that use it, and see that you may read "
            "and write it; then run again."
        ) from error
    except sqlite3.DatabaseError as error:
        problem = str(error)
    if problem:
        raise unfit_metadata(database, problem)


def unfit_metadata(database: Path, problem: str) -> PipelineError:
    """Returns what to tell a person whose metadata database cannot be used."""
    aside = database.with_name(f"{database.name}.damaged")
    return PipelineError(
        f"Expected a whole metadata database. Received: {database} ({problem}). "
        "It was left as it is. Restore it from a backup, or move it aside and run "
        f"again:\n  mv {shlex.quote(str(database))} {shlex.quote(str(aside))}\n"
        "Without it every node runs again, and earlier runs have no lineage. The model "
        "is still compared with the version that serves. "
        "Published versions, reports and logs are kept."
    )


def _find_problem(connection: sqlite3.Connection) -> str | None:
    [(answer,)] = connection.execute("PRAGMA integrity_check(1)")
    if answer != "ok":
        return answer.splitlines()[-1]
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    # ML Metadata keeps the version of its schema there.
    if tables and "MLMDEnv" not in tables:
        return "it is a database of another kind"
    return None
