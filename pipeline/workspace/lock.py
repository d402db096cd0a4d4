"""One process at a time in a workspace: the lock, and who holds it.

Everything that writes there or reads its metadata takes the lock: ``mnist-pipeline
run`` and ``report``, and ``local_runner`` under TFX's CLI. ``models`` only changes
published versions, which have a lock of their own in ``components.publishing.store``.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from components.durable import explain_full_disk, replace_text
from components.errors import PipelineError
from pipeline.environment.surroundings import command_line

# The system gives up a lock with its process, however that ends. Who holds it is in
# a file beside, because taking a lock may empty the lock file.
_LOCK = ".lock"
_HOLDER = ".lock-holder.json"


@contextlib.contextmanager
def workspace_lock(workspace: Path, purpose: str) -> Iterator[None]:
    """Has a workspace alone; makes it where it is missing.

    Args:
      workspace: the folder.
      purpose: what for, as others are told: ``run 20261123-113034-e5fb``.

    Raises:
      PipelineError: another process has it, or it cannot be written to.
    """
    lock = FileLock(workspace / _LOCK, timeout=0)
    holder = workspace / _HOLDER
    with _explained(workspace):
        workspace.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        with _explained(workspace):
            replace_text(holder, json.dumps(_this_process(purpose)))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


@contextlib.contextmanager
def _explained(workspace: Path) -> Iterator[None]:
    try:
        with explain_full_disk(workspace):
            yield
    except Timeout:
        raise PipelineError(
            f"Expected to have the workspace {workspace} alone. Received: it is in use "
            f"by {_describe(workspace / _HOLDER)}. Wait until that ends, or name "
            "another folder with --workspace."
        ) from None
    except OSError as error:
        raise PipelineError(
            f"Expected a workspace that can be written to. Received: {workspace} "
            f"({error.strerror}: {error.filename}). Correct that, or name another "
            "folder with --workspace."
        ) from error


def _this_process(purpose: str) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
        "command": command_line(),
    }


def _describe(holder: Path) -> str:
    """Says who holds the lock, from what the holder wrote about itself."""
    try:
        found = json.loads(holder.read_text(encoding="utf-8"))
        here = found["host"] == socket.gethostname()
        if here and not psutil.pid_exists(found["pid"]):
            # Left by a killed process; the holder has not come to write its own yet.
            return "a process that has just started"
        return (
            f"{found['purpose']}, process {found['pid']} on {found['host']} since "
            f"{found['since']} ({found['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that did not say who it is"
