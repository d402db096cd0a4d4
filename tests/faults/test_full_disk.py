"""A disk that fills while a model is trained, and while one is published."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.faulty_runs import BALLAST, Ended, Workspace, fill

pytestmark = pytest.mark.e2e

SIZE = "64m"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system to fill")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"may not mount a small file system here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def workspace(disk: Path, little_mnist: Path) -> Workspace:
    return Workspace(disk / "w", little_mnist)


@pytest.fixture(scope="module")
def first(workspace: Workspace) -> Ended:
    """Publishes the version that has to stay."""
    ended = workspace.run("--json")
    assert ended.code == 0, ended.err
    return ended


@pytest.fixture
def full_in(workspace: Workspace, disk: Path, first: Ended) -> Iterator:
    """Runs with other settings on a disk that fills when a node starts."""

    def run(node: str, *args: str) -> Ended:
        return workspace.run("--json", *args, fault=("full-disk", node, str(disk)))

    yield run
    (disk / BALLAST).unlink(missing_ok=True)


def assert_says_so(ended: Ended, disk: Path) -> None:
    assert ended.code == 1
    assert "Traceback (most recent call last)" not in ended.err
    [line] = [line for line in ended.err.splitlines() if "Received: " in line]
    assert "No space left" in line or "no space left on it" in line
    assert f" {disk}/w" in line
    assert "Free " in line


def assert_serves(workspace: Workspace, first: Ended) -> None:
    """The version of the first run is the only one, whole, and can be loaded."""
    import tensorflow as tf

    version = int(json.loads(first.out)["model"]["version"])
    assert workspace.store.versions() == [version]
    assert workspace.store.verify(version) == {}
    model = tf.saved_model.load(str(workspace.store.path(version)))
    answer = model.signatures["predict_pixels"](tf.zeros([1, 28, 28], tf.uint8))
    assert answer["probabilities"].shape == (1, 10)


def test_a_disk_that_fills_while_training(full_in, workspace, disk, first) -> None:
    ended = full_in("Trainer", "--set", "train.learning_rate=0.02")

    assert ended.nodes()["Trainer"] == "failed"
    assert_says_so(ended, disk)
    assert_serves(workspace, first)


def test_a_disk_that_fills_while_publishing(full_in, workspace, disk, first) -> None:
    ended = full_in("Pusher", "--set", "train.learning_rate=0.02")

    # What the fault before left behind is in nobody's way.
    assert ended.nodes()["Trainer"] == "done"
    assert ended.nodes()["Pusher"] == "failed"
    assert_says_so(ended, disk)
    assert_serves(workspace, first)


def test_a_full_disk_stops_a_run_at_once(workspace, disk, first) -> None:
    fill(disk)
    ended = workspace.run("--json")
    (disk / BALLAST).unlink()

    assert ended.nodes() == {}
    assert_says_so(ended, disk)


def test_with_room_again_the_next_run_publishes(workspace, disk, first) -> None:
    ended = workspace.run("--json", "--set", "train.learning_rate=0.02")

    assert ended.code == 0, ended.err
    *finished, pusher = ended.nodes().values()
    assert (set(finished), pusher) == ({"cached"}, "done")
    assert len(workspace.store.versions()) == 2
    assert workspace.temporary() == []
