"""A PostgreSQL server of our own on this machine, for as long as a test needs it."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
from ml_metadata.proto.metadata_store_pb2 import (
    ConnectionConfig,
    PostgreSQLDatabaseConfig,
)

PASSWORD = "p4ss-in-a-file"


@attrs.frozen
class Server:
    """Where it listens, on 127.0.0.1.

    Attributes:
      port: of TCP.
      programs: folder with psql.
      user: may make databases; ``PASSWORD`` is the password.
    """

    port: int
    programs: Path
    user: str = "mnist"

    def make_database(self, name: str) -> ConnectionConfig:
        """Makes an empty database and returns the connection to it."""
        self.sql(f"CREATE DATABASE {name}", "postgres")
        return ConnectionConfig(
            postgresql=PostgreSQLDatabaseConfig(
                host="127.0.0.1",
                port=str(self.port),
                dbname=name,
                user=self.user,
                password=PASSWORD,
            )
        )

    def sql(self, statements: str, database: str) -> str:
        """Returns what psql answers: a line a row, with | between the columns."""
        return subprocess.run(
            [
                *(self.programs / "psql", "--quiet", "--no-psqlrc"),
                *("--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
                *("--host=127.0.0.1", f"--port={self.port}"),
                *(f"--username={self.user}", f"--dbname={database}"),
            ],
            env={"PGPASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
            input=statements,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def rearrange(self, database: str, order: str) -> None:
        """Has the rows of ML Metadata lie in another order, as updates bring about.

        Args:
          database: that ML Metadata keeps its tables in.
          order: of the ids, ``ASC``, ``DESC`` or ``random()``.
        """
        keys = {
            **dict.fromkeys(
                ("artifact", "context", "event", "execution", "type"), "id"
            ),
            "association": "execution_id",
            "attribution": "artifact_id",
            "eventpath": "event_id, is_index_step",
        }
        for table, key in keys.items():
            by = (
                order
                if order == "random()"
                else key.replace(",", f" {order},") + f" {order}"
            )
            self.sql(
                f"CREATE TABLE held AS SELECT * FROM {table} ORDER BY {by};"
                f"TRUNCATE {table};"
                f"INSERT INTO {table} SELECT * FROM held;"
                "DROP TABLE held;",
                database,
            )
        self.sql("VACUUM ANALYZE", database)


def find_programs() -> Path | None:
    """Returns the folder with PostgreSQL's programs, or None without PostgreSQL."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve())
    folders = [
        one.parent for one in sorted(found) if (one.parent / "postgres").exists()
    ]
    return folders[-1] if folders else None


@contextlib.contextmanager
def running_server(programs: Path, certificate: Path | None = None) -> Iterator[Server]:
    """Makes a database cluster that nothing else uses and serves it.

    Args:
      programs: folder with PostgreSQL's programs.
      certificate: folder with ``server.crt``, ``server.key`` and ``ca.crt``; the
        server then takes connections with TLS alone, and those to the database
        ``known`` only from clients with a certificate of that CA.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        server = Server(probe.getsockname()[1], programs)
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    # It refuses to run as root.
    owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    (folder / "password").write_text(PASSWORD)
    for path in (folder, folder / "password"):
        os.chown(path, owner.pw_uid, owner.pw_gid)

    def call(program: str, *args: str) -> None:
        identity = (
            {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            if os.getuid() == 0
            else {}
        )
        subprocess.run(
            [programs / program, "-D", folder / "data", *args],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            **identity,
        )

    try:
        password = f"--pwfile={folder / 'password'}"
        call("initdb", "-U", server.user, password, "-A", "scram-sha-256", "--no-sync")
        options = (
            f"-p {server.port} -c listen_addresses=127.0.0.1 -c fsync=off "
            f"-c unix_socket_directories={folder}"
        )
        if certificate is not None:
            for name in ("server.crt", "server.key", "ca.crt"):
                file = Path(shutil.copy(certificate / name, folder / "data"))
                file.chmod(0o600)
                os.chown(file, owner.pw_uid, owner.pw_gid)
            options += " -c ssl=on -c ssl_ca_file=ca.crt"
            # No connection without TLS; one database for known clients alone.
            (folder / "data" / "pg_hba.conf").write_text(
                "hostssl known all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
                "hostssl all all 127.0.0.1/32 scram-sha-256\n"
            )
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield server
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
