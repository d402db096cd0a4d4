"""Carries connections to PostgreSQL over TLS; executed as a script of its own.

``metadata.tls`` starts it, since ML Metadata's client was built without TLS. It tells
the settings on the standard input as JSON, and this ends when that is closed. Modules
of ours are not imported, so that it starts at once.
"""

import asyncio
import contextlib
import json
import shutil
import socket
import ssl
import struct
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

# "SSLRequest" of PostgreSQL's protocol, and the answer that agrees.
_REQUEST = struct.pack("!ii", 8, 80877103)
_AGREED = b"S"
# The first message of a server, and that it leaves a choice of ways to log in.
_AUTHENTICATION = b"R"
_SASL = struct.pack("!i", 10)
_VERIFYING = ("verify-ca", "verify-full")
# Where there is no TLS these do without.
_OPTIONAL = ("allow", "prefer")
_CHUNK = 1 << 16
_TIMEOUT_SECONDS = 10.0


class Tunnel:
    """Takes connections at a Unix socket and carries them to a server.

    Args:
      settings: ``host`` and ``port`` of the server, and ``sslmode``, ``sslrootcert``,
        ``sslcert``, ``sslkey`` and ``sslpassword`` as libpq has them.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._address = settings["host"], int(settings["port"])
        self._mode = settings["sslmode"]
        self._context = tls_context(settings)

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carries one connection until either side ends it."""
        with contextlib.closing(writer):
            try:
                remote_reader, remote_writer = await self._connect()
            except OSError as error:
                host, port = self._address
                print(f"TLS to {host}:{port}: {error}", file=sys.stderr, flush=True)
                return
            with contextlib.closing(remote_writer):
                await _until_one_ends(
                    _copy(reader, remote_writer), _copy_answers(remote_reader, writer)
                )

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to the server, with TLS unless it has none and none is needed."""
        raw = await asyncio.to_thread(
            socket.create_connection, self._address, _TIMEOUT_SECONDS
        )
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(raw, _REQUEST)
        agreed = await loop.sock_recv(raw, 1) == _AGREED
        if agreed:
            return await asyncio.open_connection(
                sock=raw, ssl=self._context, server_hostname=self._address[0]
            )
        if self._mode in _OPTIONAL:
            return await asyncio.open_connection(sock=raw)
        raw.close()
        raise OSError("server does not support SSL, but SSL was required")


def tls_context(settings: dict[str, Any]) -> ssl.SSLContext:
    """Returns what libpq's options mean, to the module ``ssl``.

    As with libpq, ``require`` verifies the certificate where there are CAs.
    """
    root = settings.get("sslrootcert")
    if settings["sslmode"] in _VERIFYING:
        root = root or str(Path.home() / ".postgresql" / "root.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings["sslmode"] == "verify-full"
    if root and settings["sslmode"] not in _OPTIONAL:
        context.load_verify_locations(root)
    else:
        context.verify_mode = ssl.CERT_NONE
    if settings.get("sslcert"):
        context.load_cert_chain(
            settings["sslcert"], settings["sslkey"], settings.get("sslpassword", "")
        )
    return context


async def _until_one_ends(*copies: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.ensure_future(copy) for copy in copies]
    ended, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    for task in ended:
        # A side that breaks the connection off has ended it.
        with contextlib.suppress(OSError, EOFError):
            task.result()


async def _copy_answers(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Copies what the server says, but for ways to log in that are bound to TLS.

    A client that does not know of the TLS takes such an offer for an attack.
    """
    kind, length = struct.unpack("!ci", await reader.readexactly(5))
    body = await reader.readexactly(length - 4)
    if kind == _AUTHENTICATION and body.startswith(_SASL):
        offered = body.removeprefix(_SASL).split(b"\0")
        kept = [name for name in offered if name and not name.endswith(b"-PLUS")]
        body = _SASL + b"".join(name + b"\0" for name in kept) + b"\0"
    writer.write(struct.pack("!ci", kind, len(body) + 4) + body)
    await _copy(reader, writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def _serve(settings: dict[str, Any]) -> None:
    tunnel = Tunnel(settings)
    async with await asyncio.start_unix_server(tunnel.carry, settings["socket"]):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Carries connections until whoever started this process is gone."""
    settings = json.loads(sys.stdin.readline())
    try:
        asyncio.run(_serve(settings))
    except (OSError, ValueError) as error:
        print(error, flush=True)
    finally:
        shutil.rmtree(Path(settings["socket"]).parent, ignore_errors=True)


if __name__ == "__main__":
    main()
