"""Where a run keeps ML Metadata: a SQLite file, or a PostgreSQL database.

The definition and the lineage take a connection from here. Only what runs single
nodes asks the environment, by ``connection_from``; the password goes nowhere else.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

from ml_metadata.proto.metadata_store_pb2 import (
    ConnectionConfig,
    PostgreSQLDatabaseConfig,
    SqliteMetadataSourceConfig,
)

from components.errors import PipelineError, UsageError

HOST = "MLMD_HOST"
PORT = "MLMD_PORT"
DATABASE = "MLMD_DATABASE"
USER = "MLMD_USER"
PASSWORD = "MLMD_PASSWORD"
PASSWORD_FILE = "MLMD_PASSWORD_FILE"

DEFAULT_PORT = "5432"
_TIMEOUT_SECONDS = 10.0


def sqlite_connection(database: Path) -> ConnectionConfig:
    """Returns a connection to a SQLite file, which is made on first use."""
    return ConnectionConfig(
        sqlite=SqliteMetadataSourceConfig(
            filename_uri=str(database),
            connection_mode=SqliteMetadataSourceConfig.READWRITE_OPENCREATE,
        )
    )


def connection_from(environ: Mapping[str, str], database: Path) -> ConnectionConfig:
    """Returns the connection that the environment names.

    Args:
      environ: where ``MLMD_HOST`` is set, PostgreSQL is meant: ``MLMD_PORT``,
        ``MLMD_DATABASE`` and ``MLMD_USER`` say which, and ``MLMD_PASSWORD_FILE`` or
        ``MLMD_PASSWORD`` holds the password.
      database: the SQLite file that is used otherwise.

    Raises:
      UsageError: a variable is missing or wrong. No message holds the password.
    """
    if not environ.get(HOST):
        return sqlite_connection(database)
    return ConnectionConfig(
        postgresql=PostgreSQLDatabaseConfig(
            host=environ[HOST],
            port=_port(environ.get(PORT, DEFAULT_PORT)),
            dbname=_required(environ, DATABASE),
            user=_required(environ, USER),
            password=_password(environ),
        )
    )


def describe(connection: ConnectionConfig) -> str:
    """Says which store is meant, without the password."""
    if connection.HasField("sqlite"):
        return f"SQLite file {connection.sqlite.filename_uri}"
    server = connection.postgresql
    return (
        f"PostgreSQL database {server.dbname} at {server.host}:{server.port}, "
        f"user {server.user}"
    )


def refused_connection(connection: ConnectionConfig) -> PipelineError:
    """Returns what to tell a person when a store could not be opened.

    ML Metadata says why only on the error stream, so this looks whether anything
    answers there at all.
    """
    if connection.HasField("sqlite"):
        received = "a file that is no such database, or may not be written"
        advice = "See what ML Metadata wrote above"
    elif problem := _no_answer(connection.postgresql):
        received = f"no answer ({problem})"
        advice = f"Check {HOST} and {PORT}, and that the database runs"
    else:
        received = "an answer that refuses"
        advice = (
            f"See what PostgreSQL said above, and check {DATABASE}, {USER} and the "
            f"password in {PASSWORD_FILE} or {PASSWORD}"
        )
    return PipelineError(
        f"Expected to open the metadata store: {describe(connection)}. "
        f"Received: {received}. {advice}."
    )


def _no_answer(server: PostgreSQLDatabaseConfig) -> str | None:
    try:
        address = (server.host, int(server.port))
        socket.create_connection(address, _TIMEOUT_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _port(text: str) -> str:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise UsageError(
            f"Expected {PORT} to be a port, 1 to 65535. Received: {text!r}. Kubernetes "
            "sets such a variable for a Service of that name; name the Service "
            "otherwise, or set the variable yourself."
        )
    return text


def _required(environ: Mapping[str, str], name: str) -> str:
    if value := environ.get(name):
        return value
    raise UsageError(
        f"Expected {name} beside {HOST}={environ[HOST]}. Received: nothing. "
        f"Set it, or leave out {HOST} to use SQLite."
    )


def _password(environ: Mapping[str, str]) -> str:
    """Reads the password; a file goes first, and its last line break is no part."""
    file = environ.get(PASSWORD_FILE)
    if not file:
        return environ.get(PASSWORD, "")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UsageError(
            f"Expected {PASSWORD_FILE} to name a readable file. Received: {file} "
            f"({reason}). Mount the secret there."
        ) from None
