"""Knows a workspace again after it was moved, and metadata that is not its own.

A workspace has a random identity, kept beside its artifacts and in its metadata.
Whatever writes to the metadata calls ``settle_workspace`` first, holding the lock.
"""

import contextlib
import os
import re
import shlex
import sqlite3
import uuid
from collections.abc import Iterable
from pathlib import Path

from components.durable import is_disk_full, replace_text
from components.errors import PipelineError
from pipeline.config import Config
from pipeline.summary import SUMMARY_FILE
from pipeline.workspace.relocation import (
    Relocation,
    has_table,
    read_places,
    rewrite_places,
)

# In the folder of the artifacts: these are what must not be another workspace's.
IDENTITY_FILE = ".workspace-id"
# Beside ML Metadata's own tables, which it leaves alone.
_TABLE = "MnistWorkspace"
_ID = re.compile(r"[0-9a-f]{32}")
_LIVE = 2  # ml_metadata's Artifact.LIVE, without importing it


def settle_workspace(config: Config) -> list[str]:
    """Makes the paths in the metadata those of where the workspace lies now.

    All change at once, or none. A workspace without an identity gets one; a copy
    gets one of its own, so that both go on independently.

    Args:
      config: names the workspace, whose lock the caller holds.

    Returns:
      A line for what a person should know of.

    Raises:
      PipelineError: the metadata is that of another workspace, or cannot be written;
        nothing changed.
    """
    try:
        return _settle(config)
    except (OSError, sqlite3.Error) as error:
        if is_disk_full(error):
            raise
        raise PipelineError(
            f"Expected to note in {config.metadata} and {config.artifacts} that they "
            f"belong together. Received: {error}. Close other programs that use them, "
            "and see that you may write there; then try again."
        ) from error


def _settle(config: Config) -> list[str]:
    database = config.metadata
    if not database.exists() or not database.stat().st_size:
        return []
    with contextlib.closing(sqlite3.connect(database)) as connection:
        if not has_table(connection, "MLMDEnv"):
            return []
        places = read_places(connection, config.workspace)
        claimed, known = _claimed_id(connection), known_ids(config.artifacts)
        _require_own(config, connection, places, claimed, known)
        moved_from = _others(places.elsewhere, config.workspace)
        copied = any(claimed in known_ids(_artifacts(place)) for place in moved_from)
        own = new_id() if copied else claimed or next(iter(known), new_id())
        if places.elsewhere or claimed != own or known != [own]:
            _take_over(config, connection, places, claimed, own)
    return [_describe(place, copied) for place in moved_from]


def _require_own(
    config: Config,
    connection: sqlite3.Connection,
    places: Relocation,
    claimed: str | None,
    known: list[str],
) -> None:
    """Refuses metadata that was not written with the artifacts beside it.

    Identities say so where both have one. Where the metadata of an older release
    comes from elsewhere, the files that it names and the runs that it knows must be
    here.
    """
    if claimed and known:
        if claimed not in known:
            raise _foreign(config, "of another workspace than the artifacts beside it")
        return
    if not places.elsewhere:
        return
    uris = connection.execute("SELECT uri FROM Artifact WHERE state = ?", (_LIVE,))
    missing = [not Path(places.resolve(uri)).exists() for (uri,) in uris]
    removed = not config.artifacts.exists() and not any(
        map(os.path.exists, places.elsewhere)
    )
    if missing and all(missing) and not removed:
        origin = ", ".join(places.elsewhere)
        raise _foreign(config, f"of {origin}, none of whose artifacts are here")
    reports = {file.parent.name for file in config.reports.glob(f"*/{SUMMARY_FILE}")}
    if reports and reports.isdisjoint(_run_ids(connection)):
        origin = ", ".join(places.elsewhere)
        raise _foreign(config, f"of {origin}, which knows no run that is reported here")


def _foreign(config: Config, received: str) -> PipelineError:
    aside = config.metadata.with_name(f"{config.metadata.name}.other")
    return PipelineError(
        f"Expected the metadata of the workspace {config.workspace}. Received: that "
        f"{received}. Nothing was changed. A workspace moves as a whole: move or copy "
        "its folder with all that is in it. If this metadata came here by itself, put "
        "back what was here before, or move it aside and run again:\n"
        f"  mv {shlex.quote(str(config.metadata))} {shlex.quote(str(aside))}\n"
        "Without it every node runs again, and the model has no baseline to be "
        "compared with. Published versions, reports and logs are kept."
    )


def _take_over(
    config: Config,
    connection: sqlite3.Connection,
    places: Relocation,
    claimed: str | None,
    own: str,
) -> None:
    """Writes the identity to both places, so that a kill in between does no harm."""
    write_ids(config.artifacts, *filter(None, [claimed, own]))
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        rewrite_places(connection, places)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (id TEXT NOT NULL)")
        connection.execute(f"DELETE FROM {_TABLE}")
        connection.execute(f"INSERT INTO {_TABLE} VALUES (?)", (own,))
    write_ids(config.artifacts, own)


def write_ids(artifacts: Path, *ids: str) -> None:
    """Writes the identity file, whole or not at all.

    Args:
      artifacts: root of the artifacts; made where it is missing.
      *ids: what ``known_ids`` then returns.
    """
    artifacts.mkdir(parents=True, exist_ok=True)
    replace_text(artifacts / IDENTITY_FILE, "".join(f"{id}\n" for id in ids))


def _describe(place: str, copied: bool) -> str:
    if copied:
        return f"this workspace is a copy of {place} and goes on by itself from here"
    return f"this workspace was moved from {place}; its metadata names this place now"


def _others(places: Iterable[str], workspace: Path) -> list[str]:
    """Leaves out other names of the same folder, like a link to it."""
    return [place for place in places if not same_folder(place, workspace)]


def same_folder(one: str, other: Path) -> bool:
    """Says whether two paths lead to one folder, which need not be there."""
    if one == str(other):
        return True
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _artifacts(place: str) -> Path:
    return Path(place) / "artifacts"


def _claimed_id(connection: sqlite3.Connection) -> str | None:
    if not has_table(connection, _TABLE):
        return None
    [(found,)] = connection.execute(f"SELECT id FROM {_TABLE}")
    return found


def known_ids(artifacts: Path) -> list[str]:
    """Returns what the identity file holds: two where it was about to change.

    Args:
      artifacts: root of the artifacts of a workspace.
    """
    try:
        text = (artifacts / IDENTITY_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(dict.fromkeys(filter(_ID.fullmatch, text.split())))


def _run_ids(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute(
        "SELECT Context.name FROM Context JOIN Type ON Type.id = Context.type_id "
        "WHERE Type.name = 'pipeline_run'"
    )
    return {name for (name,) in rows}


def new_id() -> str:
    """Returns a random identity."""
    return uuid.uuid4().hex
