"""The process of its own in which ServingCheck calls an export."""

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


def run_probe(request: Mapping[str, Any], timeout: float) -> ProbeEnd:
    """Calls an export in a fresh process with TensorFlow, in a session of its own.

    The session is killed when time is up.

    Args:
      request: the keyword arguments of ``serving_probe.answer``.
      timeout: seconds.
    """
    started = time.monotonic()
    process = subprocess.Popen(
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
    last_lines: deque[str] = deque(maxlen=1)
    forward = threading.Thread(
        target=_forward, args=(process.stdout, last_lines), daemon=True
    )
    forward.start()
    try:
        _send(process.stdin, request)
        exit_code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        exit_code = None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seconds = time.monotonic() - started
    forward.join(GRACE_SECONDS)
    return ProbeEnd(seconds, exit_code, "".join(last_lines))


def _send(stream: IO[str] | None, request: Mapping[str, Any]) -> None:
    assert stream
    # Where the process ended before it read, its exit code and last line say why.
    with contextlib.suppress(BrokenPipeError), stream:
        stream.write(json.dumps(dict(request)) + "\n")


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
