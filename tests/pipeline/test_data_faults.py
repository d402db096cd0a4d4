"""What is said of data files that cannot be read."""

import gzip
from pathlib import Path

import pytest

from pipeline.data_faults import find_data_faults
from pipeline.datasets.shards import write_shard

SPLITS = ("train", "val", "test")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split in SPLITS:
        (tmp_path / split).mkdir()
        write_shard(tmp_path / split / f"{split}.tfrecord.gz", [b"one", b"two"])
    return tmp_path


def test_whole_files_have_no_fault(data: Path) -> None:
    assert find_data_faults(data) is None


def test_a_split_without_files_is_named_with_what_to_do(data: Path) -> None:
    (data / "val" / "val.tfrecord.gz").unlink()

    error = find_data_faults(data)

    [check] = error.checks
    assert (check.name, check.slice) == ("missing split", "val")
    assert error.exit_code == 3
    assert "mnist-pipeline data convert" in str(error)


def test_a_truncated_file_is_named_with_its_record(data: Path) -> None:
    file = data / "test" / "test.tfrecord.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-3]))

    error = find_data_faults(data)

    [check] = error.checks
    assert (check.name, check.slice) == ("unreadable file", "test")
    assert str(file) in check.value
    assert "record 1 (from 0)" in check.value


def test_every_faulty_split_is_named(data: Path) -> None:
    for split in ("train", "val"):
        (data / split / f"{split}.tfrecord.gz").write_bytes(b"no gzip at all")

    assert [check.slice for check in find_data_faults(data).checks] == ["train", "val"]
