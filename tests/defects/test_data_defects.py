"""Data that must be refused before anything is trained on it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
import tensorflow as tf

from components.features import IMAGE, LABEL
from tests.defects.bench import Between, Refusal, Saying
from tests.defects.small_data import SIZES, read, read_records, write, write_records
from tests.small_mnist import split_file

Plant = Callable[[Path], None]


@attrs.frozen
class Case:
    """Data that is spoilt.

    Attributes:
      plant: spoils the folder with the splits.
      refusal: the check that must stop it.
    """

    plant: Plant
    refusal: Refusal


def truncate(data: Path) -> None:
    file = split_file(data, "train")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip_a_byte(data: Path) -> None:
    file = split_file(data, "test")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


def remove_split(data: Path) -> None:
    shutil.rmtree(data / "val")


def edit_one(edit: Callable[[tf.train.Example], None]) -> Plant:
    """Spoils the record in the middle of train."""

    def plant(data: Path) -> None:
        records = read_records(data, "train")
        middle = len(records) // 2
        records[middle] = edited(records[middle], edit)
        write_records(data, "train", records)

    return plant


def edit_all(edit: Callable[[tf.train.Example], None]) -> Plant:
    """Spoils every record of every split."""

    def plant(data: Path) -> None:
        for split in SIZES:
            records = read_records(data, split)
            write_records(data, split, [edited(record, edit) for record in records])

    return plant


def edited(record: bytes, edit: Callable[[tf.train.Example], None]) -> bytes:
    example = tf.train.Example.FromString(record)
    edit(example)
    return example.SerializeToString(deterministic=True)


def values(example: tf.train.Example, name: str) -> list[int]:
    return example.features.feature[name].int64_list.value


def set_value(name: str, position: int, value: int) -> Plant:
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


def change_images(change: Callable[[np.ndarray], np.ndarray]) -> Plant:
    """Spoils the images uint8 [n, 784] of every split."""

    def plant(data: Path) -> None:
        for split in SIZES:
            images, labels = read(data, split)
            write(data, split, change(images), labels)

    return plant


def blank_some(data: Path) -> None:
    images, labels = read(data, "train")
    images[::20] = 0
    write(data, "train", images, labels)


def remove_sevens(data: Path) -> None:
    images, labels = read(data, "train")
    write(data, "train", images[labels != 7], labels[labels != 7])


def repeat_ones(data: Path) -> None:
    """Leaves one image in ten that is no 1."""
    images, labels = read(data, "train")
    count = len(labels)
    ones = np.resize(np.flatnonzero(labels == 1), count * 9 // 10)
    others = np.flatnonzero(labels != 1)[: count - len(ones)]
    kept = np.concatenate([ones, others])
    write(data, "train", images[kept], labels[kept])


def copy_test_into_train(data: Path) -> None:
    images, labels = read(data, "train")
    images[:50], labels[:50] = (array[:50] for array in read(data, "test"))
    write(data, "train", images, labels)


def label_twice(data: Path) -> None:
    images, labels = read(data, "train")
    images[1], labels[1] = images[0], (labels[0] + 1) % 10
    write(data, "train", images, labels)


def anomaly(feature: str, reason: str, split: str, *parts: str) -> Refusal:
    return Refusal(
        "data", f"anomaly: {feature}: {reason}", split, Saying(*parts), "none"
    )


CASES = {
    "truncated TFRecord": Case(
        truncate,
        Refusal(
            "data",
            "unreadable file",
            "train",
            Saying("train.tfrecord.gz: record", "expected a whole TFRecord"),
            "whole TFRecords",
        ),
    ),
    "flipped byte": Case(
        flip_a_byte,
        Refusal(
            "data",
            "unreadable file",
            "test",
            Saying("test.tfrecord.gz: record", "expected a whole TFRecord"),
            "whole TFRecords",
        ),
    ),
    "empty split": Case(
        lambda data: write_records(data, "val", []),
        Refusal("data", "size", "val", 0, 100),
    ),
    "missing split": Case(
        remove_split,
        Refusal(
            "data",
            "missing split",
            "val",
            Saying("no file in"),
            "at least one *.tfrecord.gz",
        ),
    ),
    "label 10": Case(
        set_value(LABEL, 0, 10),
        anomaly(LABEL, "out-of-range values", "train", "10"),
    ),
    "label -1": Case(
        set_value(LABEL, 0, -1),
        anomaly(LABEL, "out-of-range values", "train", "-1"),
    ),
    "label missing in one record": Case(
        edit_one(remove_label), anomaly(LABEL, "not in every record", "train")
    ),
    "two labels in one record": Case(
        edit_one(add_label), anomaly(LABEL, "wrong number of values", "train")
    ),
    "783 pixels": Case(
        edit_one(remove_pixel), anomaly(IMAGE, "wrong number of values", "train")
    ),
    "pixel 256": Case(
        set_value(IMAGE, 400, 256),
        anomaly(IMAGE, "out-of-range values", "train", "256"),
    ),
    "pixel -1": Case(
        set_value(IMAGE, 400, -1),
        anomaly(IMAGE, "out-of-range values", "train", "-1"),
    ),
    "float pixels": Case(
        edit_all(store_floats), anomaly(IMAGE, "unexpected data type", "train")
    ),
    "float pixels in one record": Case(
        edit_one(store_floats),
        Refusal(
            "data",
            "malformed record",
            "train",
            Saying("record 2,000 (from 0): expected image as int64_list"),
            "784 pixels in 0..255 and one label in 0..9, all int64",
        ),
    ),
    "renamed feature": Case(edit_all(rename_image), anomaly(IMAGE, "missing", "train")),
    "renamed feature in one record": Case(
        edit_one(rename_image), anomaly(IMAGE, "not in every record", "train")
    ),
    "inverted images": Case(
        change_images(lambda images: 255 - images),
        Refusal("data", "mean pixel", "train", Between(0.85, 0.9), "0.08 to 0.2"),
    ),
    "images scaled to 0..1": Case(
        change_images(lambda images: images // 128),
        Refusal("data", "mean pixel", "train", Between(0, 0.001), "0.08 to 0.2"),
    ),
    "blank images 5 %": Case(
        blank_some, Refusal("data", "constant images", "train", 0.05, 0.001)
    ),
    "one class missing": Case(
        remove_sevens, Refusal("data", "balance", "train", 0, 0.03)
    ),
    "one class 90 %": Case(
        repeat_ones, Refusal("data", "balance", "train", Between(0.005, 0.015), 0.03)
    ),
    "test images copied into train": Case(
        copy_test_into_train, Refusal("data", "leakage", "train/test", 50, 0)
    ),
    "same image two labels": Case(
        label_twice, Refusal("data", "conflicts", "all splits", 1, 0)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_data_defect(bench, assert_refused, case: Case) -> None:
    case.plant(bench.data)
    assert_refused(bench.run(), case.refusal)
