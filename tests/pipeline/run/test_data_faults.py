"""What is said of data files that cannot be read."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from components.features import IMAGE
from components.image_spec import MNIST
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard
from pipeline.run.data_faults import find_data_faults

SPLITS = ("train", "val", "test")
RECORDS = [serialize_example(np.full(MNIST.pixels, label), label) for label in (1, 2)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for split in SPLITS:
        (tmp_path / split).mkdir()
        write_shard(tmp_path / split / f"{split}.tfrecord.gz", RECORDS)
    return tmp_path


def test_whole_files_have_no_fault(data: Path) -> None:
    assert find_data_faults(data, MNIST) is None


def test_a_split_without_files_is_named_with_what_to_do(data: Path) -> None:
    (data / "val" / "val.tfrecord.gz").unlink()

    error = find_data_faults(data, MNIST)

    [check] = error.checks
    assert (check.name, check.slice) == ("missing split", "val")
    assert error.exit_code == 3
    assert "mnist-pipeline data convert" in str(error)


def test_a_truncated_file_is_named_with_its_record(data: Path) -> None:
    file = data / "test" / "test.tfrecord.gz"
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes())[:-3]))

    error = find_data_faults(data, MNIST)

    [check] = error.checks
    assert (check.name, check.slice) == ("unreadable file", "test")
    assert str(file) in check.value
    assert "record 1 (from 0)" in check.value
    assert "again, bound whole TFRecords" in str(check)


def test_every_faulty_split_is_named(data: Path) -> None:
    for split in ("train", "val"):
        (data / split / f"{split}.tfrecord.gz").write_bytes(b"no gzip at all")

    assert [check.slice for check in find_data_faults(data, MNIST).checks] == [
        "train",
        "val",
    ]


def test_a_record_of_floats_is_named_with_what_it_should_be(data: Path) -> None:
    # Among records of integers, TFX's decoder stops at it with a traceback.
    import tensorflow as tf

    example = tf.train.Example.FromString(RECORDS[0])
    example.features.feature[IMAGE].float_list.value.extend([0.5] * MNIST.pixels)
    records = [*RECORDS * 600, example.SerializeToString()]
    write_shard(data / "val" / "val.tfrecord.gz", records)

    error = find_data_faults(data, MNIST)

    [check] = error.checks
    assert (check.name, check.slice) == ("malformed record", "val")
    assert "val.tfrecord.gz: record 1,200 (from 0): " in check.value
    assert "expected image as int64_list, received float_list" in check.value
    assert check.bound == "784 pixels in 0..255 and one label in 0..9, all int64"
    assert error.exit_code == 3
