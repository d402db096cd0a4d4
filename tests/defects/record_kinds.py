"""Defects of files and records, which no arrays could hold: a row a kind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from components.features import IMAGE, LABEL
from tests.defects.kind import Kind, Refusal, Saying
from tests.defects.small_data import SIZES, read_records, write_records
from tests.small_mnist import split_file

Spoil = Callable[[Path], None]
Edit = Callable[[tf.train.Example], None]


def truncate(data: Path) -> None:
    file = split_file(data, "train")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip_a_byte(data: Path) -> None:
    file = split_file(data, "test")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def empty(data: Path) -> None:
    write_records(data, "val", [])


def remove_split(data: Path) -> None:
    shutil.rmtree(data / "val")


def edit_one(edit: Edit) -> Spoil:
    """Spoils the record in the middle of train."""

    def spoil(data: Path) -> None:
        records = read_records(data, "train")
        middle = len(records) // 2
        records[middle] = edited(records[middle], edit)
        write_records(data, "train", records)

    return spoil


def edit_all(edit: Edit) -> Spoil:
    """Spoils every record of every split."""

    def spoil(data: Path) -> None:
        for split in SIZES:
            records = read_records(data, split)
            write_records(data, split, [edited(record, edit) for record in records])

    return spoil


def edited(record: bytes, edit: Edit) -> bytes:
    example = tf.train.Example.FromString(record)
    edit(example)
    return example.SerializeToString(deterministic=True)


def values(example: tf.train.Example, name: str) -> list[int]:
    return example.features.feature[name].int64_list.value


def set_value(name: str, position: int, value: int) -> Spoil:
    def edit(example: tf.train.Example) -> None:
        values(example, name)[position] = value

    return edit_one(edit)


def remove_label(example: tf.train.Example) -> None:
    del example.features.feature[LABEL]


def add_label(example: tf.train.Example) -> None:
    values(example, LABEL).append(1)


def remove_pixel(example: tf.train.Example) -> None:
    values(example, IMAGE).pop()


def store_floats(example: tf.train.Example) -> None:
    pixels = [value / 255 for value in values(example, IMAGE)]
    example.features.feature[IMAGE].float_list.value.extend(pixels)


def rename_image(example: tf.train.Example) -> None:
    feature = example.features.feature
    feature["pixels"].CopyFrom(feature[IMAGE])
    del feature[IMAGE]


def _kind(
    name: str, spoil: Spoil, check: str, split: str, value: object, bound: object
) -> Kind:
    return Kind(name, "data", Refusal("data", check, split, value, bound), spoil=spoil)


def _anomaly(name: str, spoil: Spoil, feature: str, reason: str, *parts: str) -> Kind:
    check = f"anomaly: {feature}: {reason}"
    return _kind(name, spoil, check, "train", Saying(*parts), "none")


RECORDS = (
    _kind(
        "truncated TFRecord",
        truncate,
        "unreadable file",
        "train",
        Saying("train.tfrecord.gz: record", "expected a whole TFRecord"),
        "whole TFRecords",
    ),
    _kind(
        "flipped byte",
        flip_a_byte,
        "unreadable file",
        "test",
        Saying("test.tfrecord.gz: record", "expected a whole TFRecord"),
        "whole TFRecords",
    ),
    _kind("empty split", empty, "size", "val", 0, 100),
    _kind(
        "missing split",
        remove_split,
        "missing split",
        "val",
        Saying("no file in"),
        "at least one *.tfrecord.gz",
    ),
    _anomaly("label 10", set_value(LABEL, 0, 10), LABEL, "out-of-range values", "10"),
    _anomaly("label -1", set_value(LABEL, 0, -1), LABEL, "out-of-range values", "-1"),
    _anomaly(
        "label missing in one record",
        edit_one(remove_label),
        LABEL,
        "not in every record",
    ),
    _anomaly(
        "two labels in one record",
        edit_one(add_label),
        LABEL,
        "wrong number of values",
    ),
    _anomaly("783 pixels", edit_one(remove_pixel), IMAGE, "wrong number of values"),
    _anomaly(
        "pixel 256", set_value(IMAGE, 400, 256), IMAGE, "out-of-range values", "256"
    ),
    _anomaly("pixel -1", set_value(IMAGE, 400, -1), IMAGE, "out-of-range values", "-1"),
    _anomaly("float pixels", edit_all(store_floats), IMAGE, "unexpected data type"),
    _kind(
        "float pixels in one record",
        edit_one(store_floats),
        "malformed record",
        "train",
        Saying("record 3,000 (from 0): expected image as int64_list"),
        "784 pixels in 0..255 and one label in 0..9, all int64",
    ),
    _anomaly("renamed feature", edit_all(rename_image), IMAGE, "missing"),
    _anomaly(
        "renamed feature in one record",
        edit_one(rename_image),
        IMAGE,
        "not in every record",
    ),
)
