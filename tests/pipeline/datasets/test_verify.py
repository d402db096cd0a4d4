"""Verification passes what convert wrote and names what was changed since."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.errors import DatasetError
from components.image_spec import MNIST
from pipeline.datasets import verify
from pipeline.datasets.records import decode_labels, find_fault, serialize_example
from pipeline.datasets.shards import read_batches, write_shard
from pipeline.datasets.verify import SplitReport, verify_dataset

VAL = "val/val-00000-of-00001.tfrecord.gz"


def make_record(**features: list) -> bytes:
    """A record with any features: lists of int, float or bytes."""
    example = tf.train.Example()
    for name, values in features.items():
        feature = example.features.feature[name]
        if not values:
            feature.int64_list.SetInParent()
        elif isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        elif isinstance(values[0], float):
            feature.float_list.value.extend(values)
        else:
            feature.int64_list.value.extend(values)
    return example.SerializeToString(deterministic=True)


BLANK = [0] * 784
FAULTS = {
    "not an example": (b"\xff", "expected a tf.train.Example, received bytes that are"),
    "no feature": (b"", "expected the features image, label, received none"),
    "no label": (
        make_record(image=BLANK),
        "expected the features image, label, received image",
    ),
    "one feature more": (
        make_record(image=BLANK, label=[1], weight=[1.0]),
        "expected the features image, label, received image, label, weight",
    ),
    "image as bytes": (
        make_record(image=[b"PNG"], label=[1]),
        "expected image as int64_list, received bytes_list",
    ),
    "label as float": (
        make_record(image=BLANK, label=[1.0]),
        "expected label as int64_list, received float_list",
    ),
    "one pixel short": (
        make_record(image=BLANK[1:], label=[1]),
        "expected 784 values in image, received 783",
    ),
    "no pixels": (
        make_record(image=[], label=[1]),
        "expected 784 values in image, received 0",
    ),
    "two labels": (
        make_record(image=BLANK, label=[1, 2]),
        "expected 1 values in label, received 2",
    ),
    "pixel too high": (
        make_record(image=[*BLANK[:-1], 256], label=[1]),
        "expected image values in 0..255, received 256 at position 783",
    ),
    "pixel below zero": (
        make_record(image=[-1, *BLANK[1:]], label=[1]),
        "expected image values in 0..255, received -1 at position 0",
    ),
    "label too high": (
        make_record(image=BLANK, label=[10]),
        "expected label values in 0..9, received 10 at position 0",
    ),
    "label below zero": (
        make_record(image=BLANK, label=[-1]),
        "expected label values in 0..9, received -1 at position 0",
    ),
}


@pytest.mark.parametrize(("record", "message"), FAULTS.values(), ids=FAULTS)
def test_a_record_out_of_layout_is_found(record: bytes, message: str):
    sound = make_record(image=BLANK, label=[3])
    assert decode_labels([sound, record], MNIST) is None
    assert decode_labels([record], MNIST) is None
    assert find_fault(record, MNIST).startswith(message)


def test_records_in_layout_pass():
    pixels = (np.arange(784) % 256).astype(np.uint8)
    records = [serialize_example(pixels, label) for label in (0, 9, 4)]
    assert decode_labels(records, MNIST).tolist() == [0, 9, 4]
    assert [find_fault(record, MNIST) for record in records] == [None] * 3


def test_what_convert_wrote_passes(converted: Path):
    report = verify_dataset(converted, MNIST)
    assert report.problems == []
    assert report.checksums
    assert report.splits["val"] == SplitReport(
        files=1,
        records=7,
        bytes=(converted / VAL).stat().st_size,
        # Labels of items 23..29 are 7 * item modulo 10.
        labels=(0, 1, 1, 1, 0, 1, 1, 0, 1, 1),
        problems=(),
    )
    assert [(s.files, s.records) for s in report.splits.values()] == [
        (3, 23),
        (1, 7),
        (2, 12),
    ]


def test_without_manifest_layout_alone_is_checked(converted: Path):
    (converted / "dataset.json").unlink()
    report = verify_dataset(converted, MNIST)
    assert report.problems == []
    assert not report.checksums


def test_a_bad_record_is_numbered_across_batches(converted: Path, monkeypatch):
    monkeypatch.setattr(verify, "BATCH_SIZE", 2)
    records = [record for batch in read_batches(converted / VAL, 7) for record in batch]
    records[5] = make_record(image=BLANK, label=[10])
    write_shard(converted / VAL, records)
    (converted / "dataset.json").unlink()
    report = verify_dataset(converted, MNIST)
    assert report.problems == [
        f"{converted / VAL}: record 5 (from 0): expected label values in 0..9, "
        "received 10 at position 0. Correct the source and convert it again."
    ]
    assert report.splits["val"].records == 4


def test_changed_bytes_are_found_by_checksum(converted: Path):
    records = [record for batch in read_batches(converted / VAL, 7) for record in batch]
    write_shard(converted / VAL, records[:-1])
    problems = verify_dataset(converted, MNIST).problems
    assert len(problems) == 2
    assert re.search(
        r"val-00000-of-00001.tfrecord.gz: expected SHA-256 \w{64}, received \w{64}\.",
        problems[0],
    )
    assert problems[1] == (
        f"{converted / VAL}: expected 7 records, received 6. "
        "Fetch or convert the data set again."
    )


def test_a_cut_file_is_found_at_its_record(converted: Path):
    (converted / "dataset.json").unlink()
    path = converted / VAL
    records = [record for batch in read_batches(path, 7) for record in batch]
    plain = path.with_suffix("")
    with tf.io.TFRecordWriter(str(plain)) as writer:
        for record in records:
            writer.write(record)
    path.unlink()
    plain.write_bytes(plain.read_bytes()[:-1])
    assert verify_dataset(converted, MNIST).problems == [
        f"{plain}: record 6 (from 0): expected a whole TFRecord, received damaged "
        "data. Convert or fetch the file again."
    ]


def test_a_file_that_is_no_tfrecord_is_named(converted: Path):
    (converted / "dataset.json").unlink()
    (converted / "val" / "notes.txt").write_text("not a record, but long enough")
    (problem,) = verify_dataset(converted, MNIST).problems
    assert problem.startswith(f"{converted}/val/notes.txt: record 0 (from 0): expected")


def test_missing_and_unlisted_files_are_named(converted: Path):
    (converted / VAL).rename(converted / "val" / "other.tfrecord.gz")
    assert verify_dataset(converted, MNIST).problems == [
        f"{converted / VAL}: expected this file as dataset.json lists it, received "
        "nothing there. Fetch or convert the data set again.",
        f"{converted}/val/other.tfrecord.gz: expected only files that dataset.json "
        "lists, received one more. Move it out of the folder.",
    ]


def test_litter_and_a_byte_order_mark_do_no_harm(converted: Path):
    for name in (".DS_Store", "._train-00000-of-00003.tfrecord.gz", "Thumbs.db"):
        (converted / "train" / name).write_bytes(b"litter")
    manifest = converted / "dataset.json"
    manifest.write_text(manifest.read_text(), encoding="utf-8-sig")

    report = verify_dataset(converted, MNIST)
    assert (report.problems, report.checksums) == ([], True)


def test_an_empty_split_and_an_empty_file_are_named(converted: Path):
    (converted / "dataset.json").unlink()
    (converted / VAL).unlink()
    for path in (converted / "test").iterdir():
        write_shard(path, [])
    problems = verify_dataset(converted, MNIST).problems
    assert problems[0] == (
        f"{converted}/val: expected TFRecord files, received none. "
        "Fetch or convert the data set again."
    )
    assert [line.split(": ")[1] for line in problems[1:]] == [
        "expected at least one record, received none. Fetch or convert the data set "
        "again."
    ] * 2


@pytest.mark.parametrize("content", ["", "[]", '{"files": {"a": {"sha": 1}}}'])
def test_a_damaged_manifest_is_refused(converted: Path, content: str):
    (converted / "dataset.json").write_text(content)
    with pytest.raises(DatasetError, match=r"dataset\.json: expected \{"):
        verify_dataset(converted, MNIST)


def test_damaged_class_names_are_refused(converted: Path):
    assert "".join(verify_dataset(converted, MNIST).classes) == "0123456789"
    (converted / "classes.json").write_text('["cat"]')
    with pytest.raises(DatasetError, match=r"classes\.json: expected .* received 1\."):
        verify_dataset(converted, MNIST)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DatasetError, match="nowhere: expected a folder with train, "):
        verify_dataset(tmp_path / "nowhere", MNIST)
