"""The newest checkpoint of a recipe: whole or not at all, and never in the way."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest

from components.checkpoints import CheckpointStore

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
