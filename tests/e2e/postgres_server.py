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

PASSWORD = "p4ss-in-a-file"


@attrs.frozen
class Server:
    """Where it listens, on 127.0.0.1.

    Attributes:
      port: of TCP.
      user: may make databases; ``PASSWORD`` is the password.
    """

    port: int
    user: str = "mnist"


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
def running_server(programs: Path) -> Iterator[Server]:
    """Makes a database cluster that nothing else uses and serves it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        server = Server(probe.getsockname()[1])
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
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield server
        finally:
            call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
