"""Which metadata store the environment names, and that no message has the password."""

import socket
from pathlib import Path

import pytest

from components.errors import UsageError
from pipeline.metadata.store import (
    SSL_MODES,
    connection_from,
    describe,
    refused_connection,
    sqlite_connection,
)

SERVER = {
    "MLMD_HOST": "db.example",
    "MLMD_PORT": "5433",
    "MLMD_DATABASE": "runs",
    "MLMD_USER": "mnist",
}


def test_no_host_means_a_sqlite_file(tmp_path: Path) -> None:
    database = tmp_path / "metadata.sqlite"

    connection = connection_from({"MLMD_USER": "mnist"}, database)

    assert connection == sqlite_connection(database)
    assert connection.sqlite.filename_uri == str(database)
    assert list(tmp_path.iterdir()) == []


def test_variables_name_a_database(tmp_path: Path) -> None:
    server = connection_from({**SERVER, "MLMD_PASSWORD": "hidden"}, tmp_path).postgresql

    assert (server.host, server.port, server.dbname, server.user) == (
        "db.example",
        "5433",
        "runs",
        "mnist",
    )
    assert server.password == "hidden"


def test_the_port_of_postgresql_is_the_default(tmp_path: Path) -> None:
    environ = {name: value for name, value in SERVER.items() if name != "MLMD_PORT"}

    assert connection_from(environ, tmp_path).postgresql.port == "5432"


def test_a_password_file_goes_before_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(" hidden \n")
    environ = {
        **SERVER,
        "MLMD_PASSWORD_FILE": str(file),
        "MLMD_PASSWORD": "other",
    }

    assert connection_from(environ, tmp_path).postgresql.password == " hidden "


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"MLMD_PORT": "tcp://10.0.0.1:5432"}, "Expected MLMD_PORT to be a port"),
        ({"MLMD_PORT": "0"}, "Received: '0'"),
        ({"MLMD_PORT": "65536"}, "Received: '65536'"),
        ({"MLMD_DATABASE": ""}, "Expected MLMD_DATABASE beside MLMD_HOST=db.example"),
        ({"MLMD_USER": ""}, "Expected MLMD_USER beside"),
        ({"MLMD_PASSWORD_FILE": "/nowhere/password"}, "No such file or directory"),
    ],
)
def test_wrong_variables_are_named(change, expected: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected MLMD_") as caught:
        connection_from({**SERVER, "MLMD_PASSWORD": "hidden", **change}, tmp_path)

    assert expected in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.fixture
def pem(tmp_path: Path) -> str:
    file = tmp_path / "ca.pem"
    file.write_text("-----BEGIN CERTIFICATE-----")
    return str(file)


@pytest.mark.parametrize("mode", SSL_MODES)
def test_each_mode_of_tls_is_passed_on(tmp_path: Path, pem: str, mode: str) -> None:
    tls = {"MLMD_SSLMODE": mode, "MLMD_SSLROOTCERT": pem}
    server = connection_from({**SERVER, **tls}, tmp_path).postgresql

    assert (server.ssloption.sslmode, server.ssloption.sslrootcert) == (mode, pem)
    assert describe(connection_from({**SERVER, **tls}, tmp_path)) == (
        f"PostgreSQL database runs at db.example:5433, user mnist, sslmode {mode}"
    )


def test_without_tls_options_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert not connection_from(SERVER, tmp_path).postgresql.HasField("ssloption")


def test_with_a_ca_alone_the_server_is_verified_in_full(
    tmp_path: Path, pem: str
) -> None:
    server = connection_from({**SERVER, "MLMD_SSLROOTCERT": pem}, tmp_path).postgresql

    assert server.ssloption.sslmode == "verify-full"


def test_the_certificate_of_the_client_is_passed_on(tmp_path: Path, pem: str) -> None:
    tls = {
        "MLMD_SSLCERT": pem,
        "MLMD_SSLKEY": pem,
        "MLMD_SSLPASSWORD": "hidden",
        "MLMD_SSLMODE": "require",
    }
    options = connection_from({**SERVER, **tls}, tmp_path).postgresql.ssloption

    assert (options.sslcert, options.sslkey, options.sslpassword) == (
        pem,
        pem,
        "hidden",
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"MLMD_SSLMODE": "on"},
            "Expected MLMD_SSLMODE to be one of disable, allow, prefer, require, "
            "verify-ca, verify-full. Received: 'on'.",
        ),
        (
            {"MLMD_SSLMODE": "verify-full", "MLMD_SSLROOTCERT": "/nowhere/ca.pem"},
            "Expected MLMD_SSLROOTCERT to name a readable file. Received: "
            "/nowhere/ca.pem (No such file or directory). Mount",
        ),
        ({"MLMD_SSLROOTCERT": "/"}, "Received: / (Is a directory)."),
        ({"MLMD_SSLCERT": __file__}, "Expected MLMD_SSLCERT and MLMD_SSLKEY together."),
        ({"MLMD_SSLKEY": __file__}, "Expected MLMD_SSLCERT and MLMD_SSLKEY together."),
    ],
)
def test_wrong_tls_options_are_refused(change, expected: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        connection_from({**SERVER, **change}, tmp_path)

    assert expected in str(caught.value)


def test_a_description_has_no_password(tmp_path: Path) -> None:
    connection = connection_from({**SERVER, "MLMD_PASSWORD": "hidden"}, tmp_path)

    assert describe(connection) == (
        "PostgreSQL database runs at db.example:5433, user mnist"
    )


def server_on(port: int):
    environ = {
        **SERVER,
        "MLMD_HOST": "127.0.0.1",
        "MLMD_PORT": str(port),
        "MLMD_PASSWORD": "hidden",
    }
    return connection_from(environ, Path("none"))


def test_a_refused_connection_says_that_nothing_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert str(refused_connection(server_on(port))) == (
        "Expected to open the metadata store: PostgreSQL database runs at "
        f"127.0.0.1:{port}, user mnist. Received: no answer (Connection refused). "
        "Check MLMD_HOST and MLMD_PORT, and that the database runs."
    )


def test_a_refused_connection_says_that_the_server_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        message = str(refused_connection(server_on(listener.getsockname()[1])))

    assert "Received: an answer that refuses." in message
    assert "the password in MLMD_PASSWORD_FILE or MLMD_PASSWORD" in message
    assert "hidden" not in message
