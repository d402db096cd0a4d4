"""When, how and on what a run ran: for its summary and its page."""

import os
import platform
import shlex
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from components.checkout import current_commit

_CPU_INFO = Path("/proc/cpuinfo")


def describe_surroundings(seconds: float) -> dict[str, Any]:
    """Returns JSON values for ``summary.json``.

    Args:
      seconds: since the run began.

    Returns:
      ``started``, ISO 8601 with the offset of the local time; ``command``;
      ``commit``, of the code, or None; ``machine``, with ``processor``, ``cores``
      that this process may use and ``memory_gb``.
    """
    started = datetime.now().astimezone() - timedelta(seconds=seconds)
    return {
        "started": started.isoformat(timespec="seconds"),
        "command": command_line(),
        "commit": current_commit(),
        "machine": {
            "processor": _processor(),
            "cores": _cores(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        },
    }


def command_line() -> str:
    """Returns the command that this process is, as a shell would take it."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    if _CPU_INFO.exists():
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
