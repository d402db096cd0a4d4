"""A list is read however a spreadsheet wrote it, and refused if it is none."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from components.data.audit_files import COLUMNS
from components.errors import DatasetError
from pipeline.datasets.suspects_file import Suspect, read_suspects
from tests.pipeline.datasets.listed_data import row, write_list

ROWS = [row("train", 25, "wrong labels"), row("test", 3, "repeats")]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return write_list(tmp_path / "suspects.csv", ROWS)


def expected() -> list[Suspect]:
    first, second = ROWS
    return [
        Suspect(2, "train", "part-1.tfrecord.gz", 5, 5, first[-1], "wrong labels"),
        Suspect(3, "test", "part-0.tfrecord.gz", 3, 3, second[-1], "repeats"),
    ]


def test_a_list_is_read_as_it_was_written(listed: Path):
    assert read_suspects(listed) == expected()


def _excel(text: str) -> str:
    return "\ufeff" + text.replace(",", ";")


def _spaced(text: str) -> str:
    return (
        text.replace(",", " , ")
        .upper()
        .replace("PART-", "part-")
        .replace("TFRECORD.GZ", "tfrecord.gz")
        .replace("WRONG LABELS", "wrong labels")
        .replace("REPEATS", "repeats")
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("\r\n", "\r"),
        _excel,
        _spaced,
        lambda text: text.replace(",", "\t"),
        lambda text: text.replace("\r\n", ",,\r\n"),
        lambda text: text.rstrip() + "\r\n,,,,,,\r\n\r\n",
        lambda text: text.replace(",5,5,", ",5.0,5.00,"),
        lambda text: _excel(text).replace(";5;5;", ';"5,0";5;'),
        lambda text: (
            '"' + text.replace(",", '","').replace("\r\n", '"\r\n"').rstrip('"')
        ),
    ],
)
def test_what_spreadsheets_do_to_a_list_is_no_matter(
    listed: Path, edit: Callable[[str], str]
):
    text = edit(listed.read_bytes().decode())
    listed.write_bytes(text.encode())
    assert read_suspects(listed) == expected()


def test_columns_may_be_moved_and_those_not_needed_removed(tmp_path: Path):
    order = ["image_sha256", "record", "file", "label", "split"]
    cells = [[dict(zip(COLUMNS, r, strict=True))[name] for name in order] for r in ROWS]
    found = read_suspects(write_list(tmp_path / "l.csv", cells, order))
    assert [(s.split, s.record, s.finding) for s in found] == [
        ("train", 5, ""),
        ("test", 3, ""),
    ]


def test_findings_are_chosen(listed: Path):
    assert read_suspects(listed, only=["repeats"]) == expected()[1:]
    assert read_suspects(listed, only=["repeats", "wrong labels"]) == expected()
    with pytest.raises(DatasetError) as refused:
        read_suspects(listed, only=["repeat"])
    assert "finding of this file: wrong labels, repeats. Received: repeat." in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("score", "colour", "Received: unknown ones: colour. Take the file as"),
        ("image_sha256", "", "Received: a table without: image_sha256."),
        ("score", "label", "Received: twice: label."),
        ("train,train", "train,trains", "line 2: expected as split one of train, val"),
        (",5,5,", ",five,5,", "line 2: expected as record a whole number from 0, "),
        (",5,5,", ",-5,5,", "line 2: expected as record a whole number from 0, "),
        (
            ",3,3,",
            ",3,,",
            "line 3: expected as label a whole number from 0, ",
        ),
        (
            ",5,5,",
            ",1.234,5,",
            "expected as record a whole number from 0, received",
        ),
        (
            ROWS[1][-1],
            "abc",
            "line 3: expected as image_sha256 64 hexadecimal",
        ),
        ("0.5", "0.5,1", "line 2: expected 11 cells, received 12."),
    ],
)
def test_another_table_is_refused(listed: Path, old: str, new: str, message: str):
    text = listed.read_bytes().decode().replace(old, new, 1)
    listed.write_bytes(text.encode())
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_suspects(listed)


def test_what_is_no_list_is_refused(tmp_path: Path):
    empty = write_list(tmp_path / "empty.csv", [])
    with pytest.raises(DatasetError, match=r"a line for each record below .* none"):
        read_suspects(empty)
    with pytest.raises(DatasetError, match="received: No such file or directory"):
        read_suspects(tmp_path / "none.csv")
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(DatasetError, match="Save it as 'CSV UTF-8'"):
        read_suspects(tmp_path / "sheet.xlsx")
    (tmp_path / "blank.csv").touch()
    with pytest.raises(DatasetError, match="a table without: split, file, record"):
        read_suspects(tmp_path / "blank.csv")
