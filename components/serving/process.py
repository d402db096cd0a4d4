"""The processes of their own in which ServingCheck calls an export."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from components.serving import probe as serving_probe
from components.serving.isolation import homeless
from components.serving.observations import ProbeEnd

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


def run_probes(probes: Sequence[tuple[Mapping[str, Any], float]]) -> list[ProbeEnd]:
    """Calls an export side by side in fresh processes, each in a session of its own.

    A session is killed when its time is up.

    Args:
      probes: of each process, the keyword arguments of ``serving_probe.answer`` and
        seconds after which its time is up.

    Returns:
      How each ended, up to the first that did not end well; the rest is killed.
    """
    started = time.monotonic()
    ends: list[ProbeEnd] = []
    with contextlib.ExitStack() as stack:
        running = []
        for request, timeout in probes:
            running.append((_Probe(), timeout))
            stack.callback(running[-1][0].kill)
            running[-1][0].send(request)
        for probe, timeout in running:
            ends.append(probe.wait(started, timeout))
            if ends[-1].exit_code != 0:
                break
    return ends


class _Probe:
    """A process, and what it prints, which goes on to our standard error stream."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
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
        self._ended: list[float] = []
        self._forward = threading.Thread(target=self._read, daemon=True)
        self._forward.start()

    def send(self, request: Mapping[str, Any]) -> None:
        """Tells it what to do."""
        stream = self.process.stdin
        assert stream
        # Where it ended before it read, its exit code and last line say why.
        with contextlib.suppress(BrokenPipeError), stream:
            stream.write(json.dumps(dict(request)) + "\n")

    def wait(self, started: float, timeout: float) -> ProbeEnd:
        """Returns how it ended, or kills it when time is up."""
        left = started + timeout - time.monotonic()
        try:
            exit_code = self.process.wait(max(left, 0.0))
        except subprocess.TimeoutExpired:
            exit_code = None
        self.kill()
        self._forward.join(GRACE_SECONDS)
        ended = min([time.monotonic(), *self._ended])
        return ProbeEnd(ended - started, exit_code, "".join(self._last_lines))

    def kill(self) -> None:
        """Ends its session, if that has not ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _read(self) -> None:
        assert self.process.stdout
        _forward(self.process.stdout, self._last_lines)
        self._ended.append(time.monotonic())


def _import_path() -> str:
    """Returns where this process finds modules, ours first, as JSON."""
    found = [entry for entry in sys.path if entry not in ("", str(_ROOT))]
    return json.dumps([str(_ROOT), *found])


def _environment() -> dict[str, str]:
    # The Trainer's TensorFlow may still hold all memory of a GPU.
    return {**homeless(os.environ), "CUDA_VISIBLE_DEVICES": "-1"}


def _forward(source: IO[str], last_lines: deque[str]) -> None:
    """Copies what the probe prints to our standard error stream, as it comes."""
    with source:
        for line in source:
            sys.stderr.write(line)
            if line.strip() and not _NOTE.match(line):
                last_lines.append(line.strip())
