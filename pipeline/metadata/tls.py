"""TLS for ML Metadata, whose PostgreSQL client was built without it.

``metadata.handle`` asks for every connection; a process of its own carries it, because
a call of ML Metadata lets no other thread of this one run.
"""

import atexit
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

from components.errors import PipelineError
from pipeline.metadata import tls_tunnel

# As libpq names a socket in the folder that stands for the host.
_PORT = "5432"
_SOCKET = f".s.PGSQL.{_PORT}"
# The system takes no longer paths for sockets than about 100 characters.
_LONGEST_FOLDER = 60


def through_tls(connection: ConnectionConfig) -> ConnectionConfig:
    """Returns a connection that is carried over TLS, if TLS is asked for.

    Raises:
      PipelineError: the files with the certificates will not do.
    """
    mode = connection.postgresql.ssloption.sslmode
    if not connection.HasField("postgresql") or mode in ("", "disable"):
        return connection
    carried = ConnectionConfig()
    carried.CopyFrom(connection)
    carried.postgresql.host = _tunnel(connection.SerializeToString(deterministic=True))
    carried.postgresql.port = _PORT
    carried.postgresql.ClearField("ssloption")
    return carried


@functools.cache
def _tunnel(serialized: bytes) -> str:
    """Starts a tunnel that lasts as long as this process; returns its folder."""
    server = ConnectionConfig.FromString(serialized).postgresql
    temporary = tempfile.gettempdir()
    folder = tempfile.mkdtemp(
        prefix="mnist-tls-",
        dir=temporary if len(temporary) <= _LONGEST_FOLDER else "/tmp",
    )
    options = {field.name: value for field, value in server.ssloption.ListFields()}
    settings = {
        **options,
        "host": server.host,
        "port": server.port,
        "socket": str(Path(folder) / _SOCKET),
    }
    # A session of its own, or Ctrl-C would end it before the run is written down.
    process = subprocess.Popen(
        [sys.executable, "-I", tls_tunnel.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    atexit.register(_stop, process)
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(settings) + "\n")
    process.stdin.flush()
    if (said := process.stdout.readline().strip()) != "ready":
        raise PipelineError(
            "Expected certificates and keys that TLS can be spoken with. Received: "
            f"{said or 'files that end the process that reads them'}. Check "
            "MLMD_SSLROOTCERT, MLMD_SSLCERT, MLMD_SSLKEY and MLMD_SSLPASSWORD."
        )
    return folder


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    process.stdout.close()
    process.wait()
