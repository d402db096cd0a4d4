"""A PostgreSQL that takes connections with TLS alone, and clients that verify it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ml_metadata.proto.metadata_store_pb2 import Artifact

from components.errors import PipelineError
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.store import connection_from
from tests.e2e.postgres_server import PASSWORD, Server, find_programs, running_server

pytestmark = pytest.mark.e2e


def make_certificates(folder: Path) -> None:
    """Makes a CA, a server certificate for localhost, and a CA of somebody else."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", "server.key", "-out", "server.csr"),
    )
    (folder / "names").write_text("subjectAltName = DNS:localhost")
    openssl(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt"),
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; apt-get install openssl")
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def tls_server(certificates: Path) -> Iterator[Server]:
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; apt-get install postgresql")
    with running_server(programs, certificates) as server:
        server.make_database("runs")
        server.make_database("known")
        yield server


def open_with(
    server: Server, *, host: str = "localhost", database: str = "runs", **ssl: str
) -> list[Artifact]:
    """Connects as a client that is set up so, and returns the artifacts it reads."""
    environ = {
        "MLMD_HOST": host,
        "MLMD_PORT": str(server.port),
        "MLMD_DATABASE": database,
        "MLMD_USER": server.user,
        "MLMD_PASSWORD": PASSWORD,
        **{f"MLMD_{name.upper()}": value for name, value in ssl.items()},
    }
    with open_metadata(connection_from(environ, Path("none"))) as handle:
        return handle.store.get_artifacts()


def test_the_server_is_verified_against_the_ca(
    tls_server: Server, certificates: Path
) -> None:
    ca = str(certificates / "ca.crt")

    for options in (
        {"sslmode": "prefer"},
        {"sslmode": "require"},
        {"sslmode": "verify-ca", "sslrootcert": ca, "host": "127.0.0.1"},
        {"sslmode": "verify-full", "sslrootcert": ca},
        {"sslrootcert": ca},
    ):
        assert open_with(tls_server, **options) == []


@pytest.mark.parametrize(
    ("mode", "host", "ca", "said"),
    [
        ("verify-full", "localhost", "other.crt", "certificate verify failed"),
        ("verify-ca", "localhost", "other.crt", "certificate verify failed"),
        ("require", "localhost", "other.crt", "certificate verify failed"),
        ("verify-full", "127.0.0.1", "ca.crt", "IP address mismatch"),
        ("disable", "127.0.0.1", "ca.crt", "no encryption"),
    ],
)
def test_a_server_that_is_not_the_one_meant_is_not_talked_to(
    tls_server: Server,
    certificates: Path,
    capfd: pytest.CaptureFixture,
    mode: str,
    host: str,
    ca: str,
    said: str,
) -> None:
    with pytest.raises(RuntimeError):
        open_with(
            tls_server, host=host, sslmode=mode, sslrootcert=str(certificates / ca)
        )

    assert said in capfd.readouterr().err


def test_a_server_without_tls_serves_where_it_may(
    server: Server, capfd: pytest.CaptureFixture
) -> None:
    server.make_database("plain")

    plain = {"host": "127.0.0.1", "database": "plain"}
    assert open_with(server, **plain, sslmode="prefer") == []
    with pytest.raises(RuntimeError):
        open_with(server, **plain, sslmode="require")
    assert "server does not support SSL, but SSL was required" in (
        capfd.readouterr().err
    )


def test_a_client_shows_its_certificate(tls_server: Server, certificates: Path) -> None:
    own = {
        "sslcert": str(certificates / "server.crt"),
        "sslkey": str(certificates / "server.key"),
    }

    assert open_with(tls_server, database="known", sslmode="require", **own) == []
    with pytest.raises(RuntimeError):
        open_with(tls_server, database="known", sslmode="require")


def test_files_that_hold_no_certificates_are_refused(
    tls_server: Server, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")

    with pytest.raises(PipelineError, match="Expected certificates and keys that TLS"):
        open_with(tls_server, sslrootcert=str(tmp_path / "ca.crt"))
