"""``data convert`` and ``data verify`` as a person calls them."""

import json
import signal
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.errors import DatasetError
from pipeline.commands.data import data


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """30 training and 12 test items, all black, labelled 0..9 in turn."""
    folder = tmp_path / "idx"
    folder.mkdir()
    for stem, count in (("train", 30), ("t10k", 12)):
        images = struct.pack(">4I", 0x803, count, 28, 28) + bytes(784 * count)
        labels = struct.pack(">2I", 0x801, count)
        labels += bytes(item % 10 for item in range(count))
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(data, [str(a) for a in arguments])


def test_convert_then_verify(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    written = call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    assert written.exit_code == 0
    assert written.stdout == (
        f"Wrote 42 records to {out}: train 20, val 10, test 12.\n"
    )
    verified = call("verify", out, "--json")
    assert verified.exit_code == 0
    report = json.loads(verified.stdout)
    assert (report["ok"], report["checksums"]) == (True, True)
    train = out / "train" / "train-00000-of-00001.tfrecord.gz"
    assert report["splits"]["train"] == {
        "files": 1,
        "records": 20,
        "bytes": train.stat().st_size,
        "labels": [2] * 10,
        "problems": [],
        "ok": True,
    }


def test_verify_prints_a_row_for_each_split(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in call("verify", out).stdout.splitlines()
        if line.startswith("│")
    ]
    assert [[*row[:3], *row[4:]] for row in rows] == [
        ["train", "1", "20", "2-2", "yes"],
        ["val", "1", "10", "1-1", "yes"],
        ["test", "1", "12", "1-2", "yes"],
    ]


def test_verify_reports_and_refuses_damage(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    (out / "val" / "stray").write_bytes(b"")
    result = call("verify", out, "--json")
    assert isinstance(result.exception, DatasetError)
    assert result.exception.exit_code == 1
    report = json.loads(result.stdout)
    assert [report["ok"], report["splits"]["val"]["ok"]] == [False, False]
    assert report["splits"]["train"]["ok"]
    assert str(result.exception).splitlines() == report["splits"]["val"]["problems"]


def test_convert_refuses_an_existing_folder(idx_folder: Path):
    result = call("convert", "--idx", idx_folder, "--out", idx_folder, "--val", 10)
    assert isinstance(result.exception, DatasetError)
    assert f"{idx_folder}: expected a folder that does not" in str(result.exception)


def test_val_must_be_positive(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    result = call("convert", "--idx", idx_folder, "--out", out, "--val", 0)
    assert result.exit_code == 2
    assert "--val" in result.stderr
    assert not out.exists()


def test_a_terminated_conversion_leaves_nothing(
    idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def terminate(*_: object) -> None:
        assert [path.name for path in tmp_path.glob(".out-*/out/train")] == ["train"]
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("pipeline.datasets.convert.write_shard", terminate)
    out = tmp_path / "out"
    result = call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    assert result.exit_code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == [idx_folder]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
