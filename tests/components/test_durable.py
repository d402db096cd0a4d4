"""Files put in place at once, and a full disk known by what libraries make of it."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components import durable
from components.durable import (
    explain_full_disk,
    full_disk_error,
    is_disk_full,
    replace_text,
)
from components.errors import PipelineError


def wrapped(root: BaseException, *, explicitly: bool) -> BaseException:
    try:
        try:
            raise root
        except BaseException as error:
            if explicitly:
                raise RuntimeError("in a node") from error
            raise RuntimeError("in a node")  # noqa: B904
    except RuntimeError as error:
        return error


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/w/file")


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        wrapped(FULL, explicitly=True),
        wrapped(FULL, explicitly=False),
        RuntimeError("OSError: [Errno 28] No space left on device [while running 'x']"),
        RuntimeError("file write failed: /w/x; No space left on device"),
        RuntimeError("Error when executing query: database or disk is full query: ..."),
    ],
)
def test_a_full_disk_is_recognized(error: BaseException) -> None:
    assert is_disk_full(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, os.strerror(errno.EACCES)),
        RuntimeError("ResourceExhaustedError: OOM when allocating tensor"),
        wrapped(ValueError("wrong shape"), explicitly=True),
    ],
)
def test_other_errors_are_not_a_full_disk(error: BaseException) -> None:
    assert not is_disk_full(error)


def test_only_a_full_disk_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(PipelineError, match="Free some space"),
        explain_full_disk(tmp_path),
    ):
        raise FULL
    with pytest.raises(ValueError, match="wrong shape"), explain_full_disk(tmp_path):
        raise ValueError("wrong shape")
    with (
        pytest.raises(PipelineError, match=r"^said already$"),
        explain_full_disk(tmp_path),
    ):
        raise PipelineError("said already") from FULL


@pytest.mark.parametrize(
    ("free", "named", "advice"),
    [
        ({"w": 5, "tmp": 9}, "w", "with --workspace"),
        ({"w": 5, "tmp": 5}, "w", "with --workspace"),
        ({"w": 9, "tmp": 5}, "tmp", "by TMPDIR"),
    ],
)
def test_the_disk_with_less_room_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free, named, advice
) -> None:
    class Usage:
        def __init__(self, path: Path) -> None:
            self.free = free[path.name]

    monkeypatch.setattr(durable.shutil, "disk_usage", Usage)
    monkeypatch.setattr(durable.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))

    assert str(full_disk_error(tmp_path / "w")) == (
        f"Expected room on the disk of {tmp_path / named}. Received: no space left on "
        "it. Published versions are untouched. Free some space there, or name another "
        f"folder {advice}, then run again: what is finished stays finished."
    )


def test_texts_that_are_put_in_place_at_once_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "summary.json"

    def put(text: str) -> None:
        for _ in range(100):
            replace_text(file, text)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(put, ["one", "other"]))

    assert file.read_text() in ("one", "other")
    assert list(tmp_path.iterdir()) == [file]


def test_a_text_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)

    with pytest.raises(OSError, match="folder"):
        replace_text(tmp_path / "folder", "text")

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_folder_that_cannot_be_forced_to_disk_is_left_to_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    asked = []

    def refuse(descriptor: int) -> None:
        asked.append(os.path.samestat(os.fstat(descriptor), tmp_path.stat()))
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    durable.sync(tmp_path)

    assert asked == [True]


def test_a_folder_that_is_lost_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        durable.sync(tmp_path)
