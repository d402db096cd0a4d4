"""One process has a workspace; the next is told who, and at once."""

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from components.errors import PipelineError
from pipeline.workspace.lock import workspace_lock
from tests.pipeline.history.made_history import SUMMARY

pytestmark = pytest.mark.slow

HOLD = """
import sys, time
from pathlib import Path
from pipeline.workspace.lock import workspace_lock
with workspace_lock(Path(sys.argv[1]), "run 7"):
    print("held", flush=True)
    time.sleep(120)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "work space"


@pytest.fixture
def holder(workspace: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Starts a process that has the workspace until it is killed."""
    started = []

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(workspace)],
            env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def cpu_seconds() -> float:
    """What ended processes took that this one waited for, whatever else runs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def refusal(workspace: Path) -> str:
    with (
        pytest.raises(PipelineError) as caught,
        workspace_lock(workspace, "run 8"),
    ):
        pass
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_the_next_is_told_who_has_it(workspace, holder) -> None:
    process = holder()

    assert re.fullmatch(
        f"Expected to have the workspace {workspace} alone. Received: it is in use by "
        rf"run 7, process {process.pid} on {socket.gethostname()} since "
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d \(-c '.*work space'\)\. "
        "Wait until that ends, or name another folder with --workspace.",
        refusal(workspace),
    )


def test_a_dead_holder_is_in_nobodys_way(workspace, holder) -> None:
    process = holder()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (workspace / ".lock-holder.json").exists()

    with workspace_lock(workspace, "run 8"):
        found = json.loads((workspace / ".lock-holder.json").read_text())
        assert (found["purpose"], found["pid"]) == ("run 8", os.getpid())


def test_it_is_given_back_however_the_work_ends(workspace) -> None:
    with pytest.raises(KeyError), workspace_lock(workspace, "run 7"):
        raise KeyError
    assert not (workspace / ".lock-holder.json").exists()

    with workspace_lock(workspace, "run 8"):
        pass


def test_two_workspaces_do_not_meet(tmp_path: Path) -> None:
    with workspace_lock(tmp_path / "a", "run 7"), workspace_lock(tmp_path / "b", "8"):
        assert (tmp_path / "a" / ".lock-holder.json").exists()


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"pid": 7}'])
def test_a_holder_that_left_no_name_still_holds(workspace, holder, content) -> None:
    holder()
    file = workspace / ".lock-holder.json"
    file.unlink() if content is None else file.write_text(content)

    assert "in use by a process that did not say who it is." in refusal(workspace)


def test_a_name_that_a_dead_process_left_is_not_believed(workspace, holder) -> None:
    process = holder()
    file = workspace / ".lock-holder.json"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    file.write_text(file.read_text().replace(str(process.pid), str(dead.pid)))

    assert "in use by a process that has just started." in refusal(workspace)


def test_a_workspace_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    assert refusal(file).startswith(
        f"Expected a workspace that can be written to. Received: {file} (File exists"
    )


@pytest.mark.parametrize("command", ["run", "report"])
def test_a_command_refuses_at_once_and_writes_nothing(
    workspace, holder, command
) -> None:
    process = holder()
    summary = workspace / "reports" / "latest" / "summary.json"
    summary.parent.mkdir(parents=True)
    summary.write_text(json.dumps(SUMMARY))
    before = {path: path.stat().st_mtime_ns for path in workspace.rglob("*")}
    before_seconds = cpu_seconds()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", command, "--workspace", str(workspace)],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    # Measured 0.4; TensorFlow and TFX take eight to import.
    assert cpu_seconds() - before_seconds < 2
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"Error: Expected to have the workspace {workspace}")
    assert f"run 7, process {process.pid} on " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert {path: path.stat().st_mtime_ns for path in workspace.rglob("*")} == before
