"""Records of a list are moved aside whole; a list that does not fit moves none."""

import csv
import hashlib
import re
from pathlib import Path

import pytest

from components.classes import read_class_names, write_class_names
from components.data.audit_findings import REPEATS
from components.errors import DatasetError
from components.image_spec import MNIST
from pipeline.datasets.listed_records import find_listed
from pipeline.datasets.manifest import read_conversion
from pipeline.datasets.quarantine import Quarantined, quarantine
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import read_batches, write_shard
from pipeline.datasets.suspects_file import read_suspects
from pipeline.datasets.verify import verify_dataset
from tests.pipeline.datasets.listed_data import image, row, write_data, write_list


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data [1]")


def move(data: Path, *rows: list[str], reason: str = "") -> Quarantined:
    suspects = read_suspects(write_list(data.parent / "list.csv", rows))
    return quarantine(data, suspects, data.parent / "out", reason, MNIST)


def records(folder: Path) -> list[bytes]:
    return [
        record
        for path in sorted(folder.glob("*.tfrecord.gz"))
        for batch in read_batches(path, 100)
        for record in batch
    ]


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_records_are_moved_and_the_rest_stays_in_order(data: Path, tmp_path: Path):
    before = content(data)
    rows = [row("train", 25), row("train", 3, "a"), row("train", 3, "b"), row("val", 0)]
    done = move(data, *rows)
    assert done == Quarantined(
        {"train": 2, "val": 1, "test": 0}, {"train": 28, "val": 19, "test": 20}
    )
    out = tmp_path / "out"
    left = [serialize_example(image("train", n), n % 10) for n in range(30)]
    gone = [left.pop(25), left.pop(3)]
    assert records(out / "train") == left
    aside = out / "quarantine"
    [train] = read_batches(aside / "train.tfrecord.gz", 100)
    assert train == gone[::-1]
    assert sorted(path.name for path in aside.iterdir()) == [
        "records.csv",
        "train.tfrecord.gz",
        "val.tfrecord.gz",
    ]
    with (aside / "records.csv").open(newline="") as file:
        first, second, third = csv.DictReader(file)
    assert (first["split"], first["file"]) == ("train", "part-0.tfrecord.gz")
    assert (first["record"], first["label"], first["reason"]) == ("3", "3", "a; b")
    assert first["sha256"] == hashlib.sha256(gone[1]).hexdigest()
    assert first["image_sha256"] == rows[1][-1]
    assert (second["file"], second["record"]) == ("part-1.tfrecord.gz", "5")
    assert (third["split"], third["reason"]) == ("val", "odd")
    # The untouched split is the same, byte by byte; the source wholly so.
    [test] = (out / "test").iterdir()
    assert test.read_bytes() == before["test/part-0.tfrecord.gz"]
    assert content(data) == before


def test_the_rest_is_a_data_set_that_verify_passes(data: Path, tmp_path: Path):
    write_class_names(data, [f"class {label}" for label in range(10)])
    move(data, row("train", 25), row("test", 7), reason="smudged")
    report = verify_dataset(tmp_path / "out", MNIST)
    assert (report.problems, report.checksums) == ([], True)
    assert report.splits["train"].records == 29
    assert read_class_names(tmp_path / "out", 10)[3] == "class 3"
    assert read_conversion(tmp_path / "out") == {
        "quarantined": {"train": 1, "val": 0, "test": 1}
    }
    assert "smudged" in (tmp_path / "out/quarantine/records.csv").read_text()


def test_what_was_said_of_a_conversion_stays(data: Path, tmp_path: Path):
    (data / "dataset.json").write_text('{"files": {}, "conversion": {"invert": true}}')
    move(data, row("val", 1))
    assert read_conversion(tmp_path / "out") == {
        "invert": True,
        "quarantined": {"train": 0, "val": 1, "test": 0},
    }


def test_a_file_that_would_be_empty_is_left_out(data: Path, tmp_path: Path):
    move(data, *(row("train", n) for n in range(20, 30)))
    assert [path.name for path in (tmp_path / "out/train").iterdir()] == [
        "train-00000-of-00001.tfrecord.gz"
    ]
    assert verify_dataset(tmp_path / "out", MNIST).problems == []


def test_the_names_that_examplegen_gives_are_understood(data: Path, tmp_path: Path):
    copy = "data_tfrecord-00001-of-00002.gz"
    move(data, row("train", 25, file=copy))
    kept = [serialize_example(image("train", n), n % 10) for n in range(30) if n != 25]
    assert records(tmp_path / "out/train") == kept


OTHER = row("train", 4)
OTHER[-1] = row("val", 4)[-1]
RELABELLED = row("train", 4)
RELABELLED[5] = "7"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [OTHER],
            "expected as record 4 (from 0) the image with SHA-256 "
            f"{OTHER[-1][:12]}…, as line 2 says, received {row('train', 4)[-1][:12]}…:",
        ),
        ([RELABELLED], "expected as record 4 (from 0) label 7, as line 2 says, receiv"),
        ([[*row("val", 3)[:4], "20", *row("val", 3)[5:]]], "expected record 20 (from"),
        (
            [row("val", 3, file="b.gz")],
            "the file that line 2 names, b.gz. Received: ",
        ),
        (
            [row("train", 3, file="data_tfrecord-00000-of-00004.gz")],
            "names, data_tfrecord-00000-of-00004.gz. Received: part-0.tfrecord.gz, ",
        ),
        ([row("test", n) for n in range(20)], "a list that leaves no record at all."),
        ([row("val", 4), row("val", 14)], "a list that leaves none of label 4 (2 befo"),
    ],
)
def test_a_list_that_does_not_fit_moves_nothing(
    data: Path, tmp_path: Path, rows: list[list[str]], message: str
):
    before = content(data)
    with pytest.raises(DatasetError, match=re.escape(message)):
        move(data, *rows)
    assert content(data) == before
    assert {path.name for path in tmp_path.iterdir()} == {data.name, "list.csv"}


def test_neither_a_target_nor_damaged_data_is_touched(data: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(DatasetError, match="a folder that does not exist yet"):
        move(data, row("train", 3))
    assert not list((tmp_path / "out").iterdir())
    (tmp_path / "out").rmdir()
    write_shard(data / "val" / "part-0.tfrecord.gz", [b"none"])
    with pytest.raises(DatasetError, match=r"expected a tf\.train\.Example"):
        move(data, row("train", 3))
    with pytest.raises(DatasetError, match="received no folder of that name"):
        quarantine(tmp_path / "no", [], tmp_path / "out", "", MNIST)
    assert not (tmp_path / "out").exists()


def test_listed_records_are_found_wherever_they_are(data: Path, tmp_path: Path):
    rows = [row("train", 25), row("train", 3), row("val", 4), row("test", 5, REPEATS)]
    suspects = read_suspects(write_list(tmp_path / "list.csv", rows))
    found = find_listed(data, suspects, MNIST)
    # One that repeats another is gone where there is only one.
    assert [one.state for one in found] == ["there", "there", "there", "gone"]
    move(data, row("train", 3))
    write_shard(
        tmp_path / "out/val/val-00000-of-00001.tfrecord.gz",
        [serialize_example(image("val", 4), 9)],
    )
    write_shard(
        tmp_path / "out/test/more.tfrecord.gz", [serialize_example(image("test", 5), 5)]
    )
    found = find_listed(tmp_path / "out", suspects, MNIST)
    assert [(one.state, one.labels) for one in found] == [
        ("there", (5,)),
        ("gone", ()),
        ("other label", (9,)),
        ("there", (5,)),
    ]
