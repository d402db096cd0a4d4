"""TFRecords as TensorFlow Datasets writes them: layouts, splits, names, faults."""

import io
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.errors import DatasetError
from pipeline.datasets.encoded_records import read_source

NAMES = [f"class {label}" for label in range(10)]


def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def picture(label: int) -> bytes:
    return encode(np.full((28, 28), 10 * label, np.uint8))


def record(**features: list) -> bytes:
    example = tf.train.Example()
    for name, values in features.items():
        feature = example.features.feature[name]
        if isinstance(values[0], bytes):
            feature.bytes_list.value.extend(values)
        else:
            feature.int64_list.value.extend(values)
    return example.SerializeToString()


def write(path: Path, records: list[bytes], compression: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for one in records:
            writer.write(one)
    return path


def good(count: int = 10) -> list[bytes]:
    return [record(image=[picture(i % 10)], label=[i % 10]) for i in range(count)]


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_images_and_labels_come_back(tmp_path: Path, compression: str) -> None:
    for split, count in (("train", 30), ("test", 20)):
        write(
            tmp_path / f"mnist-{split}.tfrecord-00000-of-00001",
            good(count),
            compression,
        )
    source = read_source(tmp_path)

    assert list(source.splits) == ["test", "train"]
    examples = list(source.splits["train"].examples)
    assert [label for _, label in examples] == [i % 10 for i in range(30)]
    assert all((pixels == 10 * label).all() for pixels, label in examples)
    assert len(list(source.splits["test"].examples)) == 20


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train-0.tfrecord", "train-1.tfrecord"], {"train": 20}),
        (["train/a.tfrecord", "validation/a.tfrecord"], {"train": 10, "val": 10}),
        (
            ["trainset/train/x.tfrecord.gz", "t/test/x.tfrecord"],
            {"train": 10, "test": 10},
        ),
        (["all.tfrecord"], {"train": 10}),
    ],
)
def test_a_split_is_told_by_name_or_folder(tmp_path, names, splits) -> None:
    for name in names:
        write(tmp_path / name, good(), "GZIP" if name.endswith("gz") else "")
    source = read_source(tmp_path)

    assert {n: len(list(s.examples)) for n, s in source.splits.items()} == splits


def test_names_of_tensorflow_datasets_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "x-train.tfrecord", good())
    assert "".join(read_source(tmp_path).classes) == "0123456789"
    (tmp_path / "label.labels.txt").write_text("\n".join(NAMES) + "\n")
    assert read_source(tmp_path).classes == tuple(NAMES)
    (tmp_path / "classes.json").write_text(str(NAMES[::-1]).replace("'", '"'))
    assert read_source(tmp_path).classes == tuple(NAMES[::-1])


def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x-train.tfrecord", good())
    (tmp_path / "label.labels.txt").write_text("\n".join(NAMES[:4]))

    with pytest.raises(
        DatasetError, match=r"label\.labels\.txt: .*10 of them.*received 4"
    ):
        read_source(tmp_path)


FAULTS = {
    "no example": (b"\xff", "expected a tf.train.Example, received bytes"),
    "nothing": (record(), "received no feature"),
    "other names": (
        record(pixels=[picture(1)], label=[1]),
        "expected image as one encoded PNG or JPEG (bytes) and label as one int64, "
        "received label (1 int64), pixels (1 bytes)",
    ),
    "our own layout": (
        record(image=[0] * 784, label=[1]),
        "received image (784 int64), label (1 int64)",
    ),
    "a label too high": (
        record(image=[picture(1)], label=[10]),
        "expected a label in 0..9, one for each class, received 10",
    ),
    "a label below zero": (record(image=[picture(1)], label=[-1]), "received -1"),
    "no picture": (
        record(image=[b"GIF89a"], label=[1]),
        "(PNG, JPEG, WebP, BMP, GIF or TIFF), received a GIF image, damaged or",
    ),
}


@pytest.mark.parametrize(("bad", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_file_and_record(tmp_path, bad: bytes, message: str) -> None:
    file = write(tmp_path / "x-train.tfrecord", [*good(300), bad])

    with pytest.raises(DatasetError) as caught:
        list(read_source(tmp_path).splits["train"].examples)
    assert str(caught.value).startswith(f"{file}: record 300 (from 0): expected")
    assert message in str(caught.value)


def test_features_more_than_needed_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "a.tfrecord", [record(id=[b"x"], image=[picture(2)], label=[2])])

    [(pixels, label)] = read_source(tmp_path).splits["train"].examples
    assert (label, pixels[0]) == (2, 20)


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "x-train.tfrecord", good())
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(DatasetError, match=r"record 9 \(from 0\): expected a whole"):
        list(read_source(tmp_path).splits["train"].examples)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "expected files with .tfrecord in their names, received none"),
        (["train.tfrecord", "more.tfrecord"], "more.tfrecord: expected each file"),
        (["test.tfrecord"], "received one that does not or no train"),
    ],
)
def test_a_folder_without_sense_is_refused(tmp_path, names, message) -> None:
    for name in names:
        (tmp_path / name).touch()

    with pytest.raises(DatasetError, match=message):
        read_source(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing there\. Check --tfrecord"):
        read_source(tmp_path / "nowhere")
