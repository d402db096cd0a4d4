"""Where a run keeps ML Metadata: a SQLite file, or a PostgreSQL database.

The definition and the lineage take a connection from here. Only what runs single
nodes asks the environment, by ``connection_from``; the password goes nowhere else.
"""

import socket
from collections.abc import Mapping
from pathlib import Path

from ml_metadata.proto.metadata_store_pb2 import (
    Artifact,
    ConnectionConfig,
    PostgreSQLDatabaseConfig,
    SqliteMetadataSourceConfig,
    Value,
)

from components.errors import PipelineError, UsageError

HOST = "MLMD_HOST"
PORT = "MLMD_PORT"
DATABASE = "MLMD_DATABASE"
USER = "MLMD_USER"
PASSWORD = "MLMD_PASSWORD"
PASSWORD_FILE = "MLMD_PASSWORD_FILE"
SSL_MODE = "MLMD_SSLMODE"
SSL_ROOT_CERTIFICATE = "MLMD_SSLROOTCERT"
SSL_CERTIFICATE = "MLMD_SSLCERT"
SSL_KEY = "MLMD_SSLKEY"
SSL_PASSWORD = "MLMD_SSLPASSWORD"

# Of libpq, from none to both the certificate and the name of the host.
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

# The states of what a node gave its run, though `workspace clean` removed it since.
PUBLISHED = (Artifact.LIVE, Artifact.DELETED)

Properties = Mapping[str, str | int | float]

DEFAULT_PORT = "5432"
_TIMEOUT_SECONDS = 10.0


def plain_properties(values: Mapping[str, Value]) -> Properties:
    """Returns the properties that are text or a number."""
    plain = ("int_value", "double_value", "string_value")
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in values.items()
        if value.WhichOneof("value") in plain
    }


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
        ``MLMD_PASSWORD`` holds the password. ``MLMD_SSLMODE`` says whether TLS is
        asked for and the server verified, against the CAs in the file
        ``MLMD_SSLROOTCERT``; ``MLMD_SSLCERT``, ``MLMD_SSLKEY`` and
        ``MLMD_SSLPASSWORD`` are the client's own certificate. With CAs and no mode
        the server is verified in full.
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
            ssloption=_ssl_options(environ),
        )
    )


def describe(connection: ConnectionConfig) -> str:
    """Says which store is meant, without the password."""
    if connection.HasField("sqlite"):
        return f"SQLite file {connection.sqlite.filename_uri}"
    server = connection.postgresql
    mode = server.ssloption.sslmode
    return (
        f"PostgreSQL database {server.dbname} at {server.host}:{server.port}, "
        f"user {server.user}" + (f", sslmode {mode}" if mode else "")
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
            f"password in {PASSWORD_FILE} or {PASSWORD}; where it spoke of SSL or a "
            f"certificate, {SSL_MODE} and {SSL_ROOT_CERTIFICATE}"
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


def _ssl_options(
    environ: Mapping[str, str],
) -> PostgreSQLDatabaseConfig.SSLOptions | None:
    """Returns how the connection is encrypted; None leaves that to PostgreSQL."""
    root = _file(environ, SSL_ROOT_CERTIFICATE)
    certificate, key = _file(environ, SSL_CERTIFICATE), _file(environ, SSL_KEY)
    mode = environ.get(SSL_MODE) or ("verify-full" if root else "")
    if mode and mode not in SSL_MODES:
        raise UsageError(
            f"Expected {SSL_MODE} to be one of {', '.join(SSL_MODES)}. "
            f"Received: {mode!r}."
        )
    if bool(certificate) != bool(key):
        raise UsageError(
            f"Expected {SSL_CERTIFICATE} and {SSL_KEY} together. Received: one of "
            "them. Set both, or none where the password is enough."
        )
    if not mode and not certificate:
        return None
    return PostgreSQLDatabaseConfig.SSLOptions(
        sslmode=mode,
        sslrootcert=root,
        sslcert=certificate,
        sslkey=key,
        sslpassword=environ.get(SSL_PASSWORD),
    )


def _file(environ: Mapping[str, str], name: str) -> str | None:
    """Returns the path of a file that a variable names, seen to be readable."""
    file = environ.get(name)
    if file:
        _read_file(name, file, "Mount the Secret that holds it there.")
    return file or None


def _read_file(name: str, file: str, advice: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UsageError(
            f"Expected {name} to name a readable file. Received: {file} ({reason}). "
            f"{advice}"
        ) from None


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
    return _read_file(PASSWORD_FILE, file, "Mount the secret there.").rstrip("\r\n")
