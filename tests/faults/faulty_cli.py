"""``mnist-pipeline`` with one fault planted in one node; the tests here start it.

    python faulty_cli.py FAULT NODE [FOLDER] -- run --preset quick

``killed-writing`` kills the process once the first file of the node's result is there,
``killed-written`` when all are, before TFX is told. ``full-disk`` fills the disk of
FOLDER when the node starts. The name of a signal, such as ``SIGTERM``, sends that one
again and again until the process ends.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from tfx.orchestration.portable import python_executor_operator

from components.publishing.store import ModelStore
from pipeline import cli
from tests.faults.faulty_runs import fill


def main() -> None:
    """Plants the fault and runs the command."""
    split = sys.argv.index("--")
    fault, node, *folder = sys.argv[1:split]
    sys.argv[1:] = sys.argv[split + 1 :]
    original = python_executor_operator.run_with_executor

    def run_with_executor(execution_info, executor):
        if execution_info.pipeline_node.node_info.id != node:
            return original(execution_info, executor)
        if fault == "full-disk":
            fill(Path(*folder))
        if fault.startswith("SIG"):
            request = threading.Thread(target=ask_to_stop, args=(fault,), daemon=True)
            request.start()
            time.sleep(60)
        if fault == "killed-writing":
            threading.Thread(target=kill_at_first_file, args=(execution_info,)).start()
        result = original(execution_info, executor)
        if fault == "killed-written":
            kill()
        if fault == "killed-writing":
            time.sleep(60)
        return result

    python_executor_operator.run_with_executor = run_with_executor
    cli.main()


def ask_to_stop(name: str) -> None:
    """Sends this process a signal several times a second."""
    while True:
        os.kill(os.getpid(), signal.Signals[name])
        time.sleep(0.2)


def kill() -> None:
    """Ends this process as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_first_file(execution_info) -> None:
    """Watches where the node writes; the Pusher also writes into its store."""
    folders = [
        Path(artifact.uri)
        for artifacts in execution_info.output_dict.values()
        for artifact in artifacts
    ]
    destination = execution_info.exec_properties.get("destination")
    incoming = ModelStore(destination).base if destination else None
    while not any(has_files(folder) for folder in folders):
        if incoming and any(map(has_files, incoming.glob(".incoming-*"))):
            break
        time.sleep(0.0005)
    kill()


def has_files(folder: Path) -> bool:
    """Says whether any file is in a folder or below it."""
    return any(files for _, _, files in os.walk(folder))


if __name__ == "__main__":
    main()
