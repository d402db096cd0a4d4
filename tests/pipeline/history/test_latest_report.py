"""``latest`` leads to a report with links and without."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.history.latest_report import latest_run, point_latest

UNSUPPORTED = (
    PermissionError(errno.EPERM, "Operation not permitted"),
    OSError(errno.EOPNOTSUPP, "Operation not supported"),
    NotImplementedError("no links"),
)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    for time, name in enumerate(("run-1", "run-2", "run-3")):
        write(tmp_path / name, name)
        os.utime(tmp_path / name / "summary.json", (time, time))
    return tmp_path


def write(folder: Path, run_id: str) -> None:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"run_id": run_id}))


def forbid_links(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(os, "symlink", refuse)
    monkeypatch.setattr(Path, "symlink_to", refuse)


def test_with_links_it_is_a_link(reports: Path) -> None:
    for name in ("run-1", "run-2"):
        point_latest(reports, name)
        assert (reports / "latest").readlink() == Path(name)
        assert latest_run(reports) == name


@pytest.mark.parametrize("error", UNSUPPORTED)
def test_without_links_it_is_a_file(reports: Path, monkeypatch, error) -> None:
    forbid_links(monkeypatch, error)
    for name in ("run-1", "run-2"):
        point_latest(reports, name)
        assert (reports / "latest").read_text() == f"{name}\n"
        assert latest_run(reports) == name
    assert not list(reports.glob(".*"))


def test_each_kind_takes_the_place_of_the_other(reports: Path, monkeypatch) -> None:
    point_latest(reports, "run-1")
    with monkeypatch.context() as without:
        forbid_links(without, UNSUPPORTED[0])
        point_latest(reports, "run-2")
        assert (reports / "latest").read_text() == "run-2\n"
    point_latest(reports, "run-3")
    assert (reports / "latest").readlink() == Path("run-3")


def test_a_folder_that_a_copy_made_of_the_link_makes_room(reports: Path) -> None:
    write(reports / "latest", "run-2")
    assert latest_run(reports) == "run-2"
    point_latest(reports, "run-3")

    assert latest_run(reports) == "run-3"
    assert {path.name for path in reports.iterdir()} == {
        *("run-1", "run-2", "run-3"),
        "latest",
    }


def test_the_only_copy_of_a_report_is_kept(reports: Path) -> None:
    write(reports / "latest", "run-9")
    point_latest(reports, "run-3")

    assert json.loads((reports / "run-9/summary.json").read_text())["run_id"] == "run-9"


def test_a_folder_that_is_no_report_is_kept(reports: Path) -> None:
    (reports / "latest").mkdir()
    (reports / "latest" / "mine").touch()
    point_latest(reports, "run-3")

    assert (reports / "latest-before-run-3" / "mine").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda latest: None,
        lambda latest: latest.symlink_to("run-9"),
        lambda latest: latest.write_text("run-9"),
        lambda latest: latest.write_text("../../etc"),
        lambda latest: latest.write_bytes(b"\xff\xfe"),
        lambda latest: write(latest, "latest"),
    ],
)
def test_where_it_leads_nowhere_the_newest_counts(
    reports: Path, spoil: Callable[[Path], Any]
) -> None:
    spoil(reports / "latest")
    assert latest_run(reports) == "run-3"


def test_without_a_report_there_is_none(tmp_path: Path) -> None:
    assert latest_run(tmp_path) is None
    assert latest_run(tmp_path / "missing") is None
