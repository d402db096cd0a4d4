"""A workspace in use, one without the files of its baseline, one with bad metadata."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import attrs
import pytest

from tests.faults.faulty_runs import ENVIRONMENT, Ended, Workspace

pytestmark = pytest.mark.e2e


@attrs.frozen
class Meeting:
    """Two runs at once.

    Attributes:
      first: the one that had the workspace.
      second: the other one.
      run_id: of the first.
      pid: of the first.
      files: what the second one changed: the differing names of files.
    """

    first: Ended
    second: Ended
    run_id: str
    pid: int
    files: set[Path]


@pytest.fixture(scope="module")
def workspace(make_workspace) -> Workspace:
    return make_workspace()


@pytest.fixture(scope="module")
def meeting(workspace) -> Meeting:
    """The first run; the other tests build on it."""

    def logs_and_reports() -> set[Path]:
        return {
            path
            for name in ("logs", "reports")
            for path in (workspace.path / name).rglob("*")
        }

    first = subprocess.Popen(
        workspace.command("--json"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    announced = first.stderr.readline()
    before = logs_and_reports()
    second = workspace.run("--json")
    files = logs_and_reports() ^ before
    out, err = first.communicate(timeout=600)
    return Meeting(
        Ended(first.returncode, out, err),
        second,
        announced.split()[1].rstrip(","),
        first.pid,
        files,
    )


def test_the_second_run_is_told_who_has_the_workspace(meeting) -> None:
    assert (meeting.second.code, meeting.second.out) == (1, "")
    [line] = meeting.second.err.splitlines()
    assert f"run {meeting.run_id}, process {meeting.pid} on " in line
    assert "cli.py run --preset quick" in line
    assert meeting.files == set()


def test_the_first_run_goes_on(meeting) -> None:
    assert meeting.first.code == 0, meeting.first.err
    assert json.loads(meeting.first.out)["run_id"] == meeting.run_id


def test_a_baseline_without_files_is_taken_from_what_serves(workspace, meeting) -> None:
    [gone] = (workspace.path / "artifacts" / "Trainer" / "model").iterdir()
    shutil.rmtree(gone)
    ended = workspace.run("--json", "--set", "train.learning_rate=0.02")

    assert ended.code == 0, ended.err
    first, _ = workspace.store.versions()
    taken = f"version {first} is taken from {workspace.store.path(first)}\n"
    assert taken in ended.err
    summary = json.loads(ended.out)
    assert (summary["status"], summary["baseline_model"]["version"]) == (
        "pushed",
        str(first),
    )
    before = json.loads(meeting.first.out)["metrics"]["accuracy"]
    assert summary["baseline"]["accuracy"] == pytest.approx(before, rel=1e-6)


def test_damaged_metadata_is_refused_and_then_moved_aside(workspace, meeting) -> None:
    database = workspace.path / "metadata.sqlite"
    damaged = database.read_bytes()[:100_000]
    database.write_bytes(damaged)
    versions = workspace.store.versions()
    refused = workspace.run("--json")

    assert (refused.code, refused.out) == (1, "")
    assert database.read_bytes() == damaged
    [advice] = [line for line in refused.err.splitlines() if line.startswith("  mv ")]
    subprocess.run(shlex.split(advice), check=True)
    recovered = workspace.run("--json")

    assert recovered.code == 0, recovered.err
    assert set(recovered.nodes().values()) == {"done"}
    summary = json.loads(recovered.out)
    aside = workspace.path / f"artifacts-before-{summary['run_id']}"
    assert f"artifacts of earlier runs are now in {aside}\n" in recovered.err
    assert (aside / "Trainer" / "model").is_dir()
    assert summary["baseline_model"]["version"] == str(versions[-1])
    assert summary["baseline"] is not None
    kept = workspace.store.versions()
    assert kept[: len(versions)] == versions
    assert all(workspace.store.verify(version) == {} for version in kept)
