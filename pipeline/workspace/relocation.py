"""Where a workspace lay when its metadata was written, and its paths put right since.

ML Metadata keeps absolute paths. ``workspace.identity`` rewrites them before a run;
what only reads resolves them with ``stored_places``.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import attrs

# As TFX names the folder of an artifact: node, output, number of the execution.
_ARTIFACT = re.compile(r"(.*)/artifacts/[^/]+/[^/]+/[0-9]+", re.DOTALL)
# What else of a workspace the metadata names, beside the artifacts.
_PARTS = ("artifacts", "serving", "checkpoints")
_COLUMNS = (
    ("Artifact", "uri"),
    ("ArtifactProperty", "string_value"),
    ("ExecutionProperty", "string_value"),
)


@attrs.frozen
class Relocation:
    """Turns paths of where a workspace lay into those of where it lies.

    Attributes:
      places: every folder that the workspace was, as its metadata says.
      here: the folder that it is.
    """

    places: frozenset[str]
    here: str

    @property
    def elsewhere(self) -> list[str]:
        """The places that are not this one, in a fixed order."""
        return sorted(self.places - {self.here})

    def resolve(self, path: str) -> str:
        """Returns the path today of what lies in the workspace; others as they are."""
        for place in self.places:
            inside = path.removeprefix(f"{place}/")
            if inside != path and inside.partition("/")[0] in _PARTS:
                return f"{self.here}/{inside}"
        return path


def stored_places(database: Path, workspace: Path) -> Relocation:
    """Returns where the metadata says that its workspace lay.

    Args:
      database: the SQLite file, which is only read; no places where it is missing.
      workspace: the folder that the workspace is.
    """
    if not database.exists():
        return Relocation(frozenset(), str(workspace))
    address = f"{database.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        return read_places(connection, workspace)


def read_places(connection: sqlite3.Connection, workspace: Path) -> Relocation:
    """Does what ``stored_places`` does on an open database."""
    if not has_table(connection, "Artifact"):
        return Relocation(frozenset(), str(workspace))
    uris = connection.execute("SELECT uri FROM Artifact WHERE uri IS NOT NULL")
    return Relocation(_places(uri for (uri,) in uris), str(workspace))


def rewrite_places(connection: sqlite3.Connection, relocation: Relocation) -> None:
    """Rewrites every path in the database that lies in the workspace.

    The times of its rows stay: caches and the history of runs go by them. The
    caller commits.
    """
    connection.create_function("resolve", 1, relocation.resolve, deterministic=True)
    for table, column in _COLUMNS:
        connection.execute(
            f"UPDATE {table} SET {column} = resolve({column}) "
            f"WHERE {column} LIKE '/%' AND resolve({column}) <> {column}"
        )


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Says whether a database has a table."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,))
    return found.fetchone() is not None


def _places(uris: Iterable[str]) -> frozenset[str]:
    found = (_ARTIFACT.fullmatch(uri) for uri in uris)
    return frozenset(match[1] for match in found if match)
