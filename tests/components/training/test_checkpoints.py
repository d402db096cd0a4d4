"""The newest checkpoint of a recipe: whole or not at all, and never in the way."""

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from components.checkout import PROJECT_ROOT
from components.training.checkpoints import CheckpointStore, claim_checkpoints

pytestmark = pytest.mark.slow

ARRAYS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7), np.zeros(0)]


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints", "digest")


def file_of(tmp_path: Path, digest: str = "digest") -> Path:
    return tmp_path / "checkpoints" / digest / "0" / "checkpoint.npz"


def test_what_was_saved_last_is_loaded(store, tmp_path: Path) -> None:
    store.save(ARRAYS[:1], {"epoch": 1})
    store.save(ARRAYS, {"epoch": 2, "history": {"loss": [0.1, 1e-17]}})

    arrays, state = store.load()

    assert state == {"epoch": 2, "history": {"loss": [0.1, 1e-17]}}
    for array, expected in zip(arrays, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.dtype == expected.dtype
    assert list(file_of(tmp_path).parent.iterdir()) == [file_of(tmp_path)]


def test_more_than_ten_arrays_keep_their_order(store) -> None:
    store.save([np.array(number) for number in range(25)], {})

    assert [int(array) for array in store.load()[0]] == list(range(25))


def test_without_a_checkpoint_nothing_is_loaded_or_said(store, caplog) -> None:
    assert store.load() is None
    assert caplog.messages == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_checkpoint_is_ignored_with_a_warning(
    store, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store.save([np.arange(10_000, dtype=np.float32)], {"epoch": 1})
    file = file_of(tmp_path)
    content = bytearray(file.read_bytes())
    content[20_000] ^= 1
    file.write_bytes(
        {
            "cut": content[:20_000],
            "flipped": content,
            "empty": b"",
            "other": b"this is no archive",
        }[damage]
    )
    caplog.set_level(logging.WARNING)

    assert store.load() is None
    [message] = caplog.messages
    assert message.startswith(f"ignored the damaged checkpoint {file} (")
    assert message.endswith("); training starts from scratch")


def test_a_kill_while_saving_leaves_the_checkpoint_before(
    store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(ARRAYS, {"epoch": 1})

    def die(*args) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        store.save(ARRAYS, {"epoch": 2})

    assert store.load()[1] == {"epoch": 1}


def test_recipes_do_not_see_each_other(store, tmp_path: Path) -> None:
    store.save(ARRAYS, {})

    assert CheckpointStore(tmp_path / "checkpoints", "other").load() is None


def test_removing_keeps_the_three_newest_of_other_recipes(
    store, tmp_path: Path
) -> None:
    store.save(ARRAYS, {})
    for age, digest in enumerate("abcde"):
        CheckpointStore(tmp_path / "checkpoints", digest).save(ARRAYS, {})
        os.utime(file_of(tmp_path, digest), (1000 - age, 1000 - age))

    store.remove()

    assert store.load() is None
    left = {folder.name for folder in (tmp_path / "checkpoints").iterdir()}
    assert left == {"a", "b", "c"}


def test_removing_what_is_not_there_does_nothing(store) -> None:
    store.remove()

    assert store.load() is None


# Claims checkpoints of a recipe; argv: the root, and what to do once they are had.
CLAIM = """
import sys, time
from pathlib import Path
import numpy as np
from components.training.checkpoints import claim_checkpoints
with claim_checkpoints(Path(sys.argv[1]), "digest") as store:
    if sys.argv[2] == "save":
        store.save([np.zeros(3)], {"of": "another process"})
    print("claimed", flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def another_process(root: Path, action: str) -> Iterator[subprocess.Popen]:
    """Claims the checkpoints of the recipe until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(root), action],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "claimed\n"
            yield process
        finally:
            process.kill()


def test_two_trainings_of_a_recipe_leave_each_other_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "checkpoints"
    caplog.set_level(logging.INFO)

    with another_process(root, "save"):
        with claim_checkpoints(root, "digest") as ours:
            assert ours.load() is None
            ours.save(ARRAYS, {"of": "ours"})
            for age, digest in enumerate("abcde"):
                CheckpointStore(root, digest).save(ARRAYS, {"age": age})
            ours.remove()
        [message] = caplog.messages
        theirs = CheckpointStore(root, "digest")
        assert theirs.load()[1] == {"of": "another process"}

    assert message.startswith("another process trains this recipe, with its checkpo")
    # The other one was killed, so what it saved is there to go on with.
    with claim_checkpoints(root, "digest") as after:
        assert after.load()[1] == {"of": "another process"}


def test_a_training_that_has_saved_nothing_yet_keeps_its_folder(
    tmp_path: Path,
) -> None:
    root = tmp_path / "checkpoints"

    with another_process(root, "wait"):
        (root / "digest").mkdir(parents=True)
        for digest in "abcd":
            CheckpointStore(root, digest).save(ARRAYS, {})
        CheckpointStore(root, "a").remove()
        assert (root / "digest").is_dir()

    CheckpointStore(root, "b").remove()
    assert {folder.name for folder in root.iterdir()} == {"c", "d", "digest"}


def test_the_newest_checkpoint_that_nobody_is_at_work_on_is_gone_on_with(
    tmp_path: Path,
) -> None:
    root = tmp_path / "checkpoints"
    with claim_checkpoints(root, "digest") as first:
        first.save(ARRAYS, {"epoch": 1})
        os.utime(file_of(tmp_path), (1000, 1000))
        with claim_checkpoints(root, "digest") as second:
            second.save(ARRAYS, {"epoch": 5})

    with claim_checkpoints(root, "digest") as next_one:
        assert next_one.load()[1] == {"epoch": 5}
        with claim_checkpoints(root, "digest") as beside:
            assert beside.load()[1] == {"epoch": 1}
            with claim_checkpoints(root, "digest") as third:
                assert third.load() is None


def test_saves_of_two_processes_do_not_meet(tmp_path: Path) -> None:
    save = (
        "import sys, numpy as np; from pathlib import Path; "
        "from components.training.checkpoints import CheckpointStore; "
        "store = CheckpointStore(Path(sys.argv[1]), 'digest'); "
        "[store.save([np.zeros(9)], {'n': n}) for n in range(300)]"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", save, str(tmp_path / "checkpoints")],
            cwd=PROJECT_ROOT,
        )
        for _ in range(2)
    ]

    assert [process.wait() for process in processes] == [0, 0]
    assert list(file_of(tmp_path).parent.iterdir()) == [file_of(tmp_path)]
