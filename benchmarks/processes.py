"""Runs a command as a process of its own, and says what it took.

The benchmarks import neither TensorFlow nor TFX where they call this: Linux counts the
memory of a process from the moment it is split off its parent, so that a large parent
would be taken for a large child.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO

import attrs

from components.checkout import PROJECT_ROOT
from components.errors import PipelineError

# ``ru_maxrss`` counts kilobytes on Linux, bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_MEGABYTE = 1_000_000
_QUOTED_LINES = 15


@attrs.frozen
class Usage:
    """What a process took, with all that it started and waited for.

    Attributes:
      wall: seconds from start to end.
      user_cpu: seconds of all its threads and processes.
      peak_memory: megabytes resident at the most in the largest single process.
    """

    wall: float
    user_cpu: float
    peak_memory: float


@attrs.frozen
class Done:
    """A process that ended well.

    Attributes:
      usage: what it took.
      output: what it printed on its standard output.
    """

    usage: Usage
    output: str


def module(name: str, *arguments: object) -> list[str]:
    """Returns the command that runs a module with this Python."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def run_measured(command: Sequence[str], env: Mapping[str, str] | None = None) -> Done:
    """Runs a command in the project's folder and measures it.

    Args:
      command: what to run.
      env: variables to set beside those of this process.

    Raises:
      PipelineError: it did not end with 0; quotes the end of what it said.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            _, status, resources = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output = _text(out)
        if process.returncode:
            raise _failure(command, process.returncode, output + _text(err))
    peak_memory = resources.ru_maxrss * _RSS_UNIT / _MEGABYTE
    return Done(Usage(wall, resources.ru_utime, peak_memory), output)


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


def _failure(command: Sequence[str], code: int, said: str) -> PipelineError:
    last = "\n".join(said.splitlines()[-_QUOTED_LINES:])
    return PipelineError(
        f"Expected '{' '.join(command)}' to end with 0. Received: {code}, and as its "
        f"last words:\n{last}"
    )
