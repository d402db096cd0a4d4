"""The process in which ServingCheck calls an export, started ahead where that pays.

Its start is mostly the import of TensorFlow, for which one core of a machine is
enough. Started while another node keeps the other core busy, it waits for its request.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from components.serving import probe as serving_probe
from components.serving.verdict import ProbeEnd

GRACE_SECONDS = 10

_ROOT = Path(serving_probe.__file__).parents[2]
# It imports what this process does, from the same places: neither from the current
# folder nor by what the user's PYTHON variables say.
_START = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "runpy.run_module(sys.argv[2], run_name='__main__')"
)
# TensorFlow's log: a date, or a letter and four digits. What ends a process is bare.
_NOTE = re.compile(r"\d{4}-\d\d-\d\d |[IWE]\d{4} |WARNING|To enable the following")

_waiting: list["ProbeProcess"] = []


class ProbeProcess:
    """A fresh process with TensorFlow, in a session of its own."""

    def __init__(self) -> None:
        """Starts it; it ends when this process does."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-X", "utf8", "-c", _START),
                *(_import_path(), serving_probe.__name__),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=_environment(),
            start_new_session=True,
        )
        self._last_lines: deque[str] = deque(maxlen=1)
        self._forward = threading.Thread(
            target=_forward, args=(self._process.stdout, self._last_lines), daemon=True
        )
        self._forward.start()

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.poll() is None

    def run(self, request: Mapping[str, Any], timeout: float) -> ProbeEnd:
        """Sends the one request, waits, and kills the session when time is up.

        Args:
          request: the keyword arguments of ``serving_probe.answer``.
          timeout: seconds.
        """
        started = time.monotonic()
        try:
            self._send(request)
            exit_code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            self.kill()
        seconds = time.monotonic() - started
        self._forward.join(GRACE_SECONDS)
        return ProbeEnd(seconds, exit_code, "".join(self._last_lines))

    def kill(self) -> None:
        """Ends the session, if it has not ended."""
        if self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _send(self, request: Mapping[str, Any]) -> None:
        try:
            with self._process.stdin as stream:
                stream.write(json.dumps(dict(request)) + "\n")
        except BrokenPipeError:
            # It ended before it was asked; its exit code and last line say why.
            pass


def start_ahead() -> None:
    """Starts a process that waits for ``take``; a second call does nothing."""
    if not _waiting:
        _waiting.append(ProbeProcess())


def take() -> ProbeProcess:
    """Returns the process that waits, if it still does, or a new one."""
    if _waiting and (process := _waiting.pop()).alive:
        return process
    return ProbeProcess()


def stop_ahead() -> None:
    """Ends the process that still waits, if there is one."""
    while _waiting:
        _waiting.pop().kill()


def _import_path() -> str:
    """Returns where this process finds modules, ours first, as JSON."""
    found = [entry for entry in sys.path if entry not in ("", str(_ROOT))]
    return json.dumps([str(_ROOT), *found])


def _environment() -> dict[str, str]:
    # The Trainer's TensorFlow may still hold all memory of a GPU.
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}


def _forward(source: IO[str], last_lines: deque[str]) -> None:
    """Copies what the probe prints to our standard error stream, as it comes."""
    with source:
        for line in source:
            sys.stderr.write(line)
            if line.strip() and not _NOTE.match(line):
                last_lines.append(line.strip())
