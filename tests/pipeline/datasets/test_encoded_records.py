"""TFRecords as TensorFlow Datasets writes them: layouts, splits, names, faults."""

import io
import math
import shutil
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
        elif isinstance(values[0], float):
            feature.float_list.value.extend(values)
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
            ["training/a.tfrecord", "dev/a.tfrecord", "testing/a.tfrecords"],
            {"train": 10, "val": 10, "test": 10},
        ),
        (["dev-set-train.tfrec", "valid.tfrec"], {"train": 10, "val": 10}),
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
        DatasetError,
        match=r"label\.labels\.txt: .*exactly 10 classes are supported, received 4",
    ):
        read_source(tmp_path)


FAULTS = {
    "no example": (b"\xff", "expected a tf.train.Example, received bytes"),
    "nothing": (record(), "received no feature"),
    "other names": (
        record(pixels=[picture(1)], label=[1]),
        "expected image as one encoded picture (bytes) and label as one int64, or "
        "image_floats as floats and image_class as one int64, received label "
        "(1 int64), pixels (1 bytes)",
    ),
    "our own layout": (
        record(image=[0] * 784, label=[1]),
        "received image (784 int64), label (1 int64)",
    ),
    "a label too high": (
        record(image=[picture(1)], label=[10]),
        "expected labels in 0..9, since exactly 10 classes are supported. Received: 11 "
        "different labels, from 0 to 10; 1 of 301 examples",
    ),
    "a label below zero": (record(image=[picture(1)], label=[-1]), "from -1 to 9"),
    "no picture": (
        record(image=[b"GIF89a"], label=[1]),
        "(PNG, JPEG, WebP, BMP, GIF or TIFF), received a GIF image, damaged or",
    ),
}


@pytest.mark.parametrize(("bad", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_file_and_record(tmp_path, bad: bytes, message: str) -> None:
    file = write(tmp_path / "x-train.tfrecord", [*good(300), bad])

    source = read_source(tmp_path)
    assert len(list(source.splits["train"].examples)) == 300
    with pytest.raises(DatasetError) as caught:
        source.findings.require_good()
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


def test_floats_of_tfx_own_example_are_read(tmp_path: Path) -> None:
    """Its pixels lie in -0.5..0.5."""
    pixels = np.random.default_rng(1).integers(0, 256, (300, 784))
    pixels[0] = 0
    write(
        tmp_path / "mnist.tfrecord",
        [
            record(image_floats=(one / 255 - 0.5).tolist(), image_class=[i % 10])
            for i, one in enumerate(pixels)
        ],
    )
    source = read_source(tmp_path)

    examples = list(source.splits["train"].examples)
    np.testing.assert_array_equal([image for image, _ in examples], pixels)
    assert [label for _, label in examples] == [i % 10 for i in range(300)]
    assert source.findings.scaled == [
        f"{tmp_path}/mnist.tfrecord: scaled pixels from -0.5..0.5 to 0..255"
    ]
    source.findings.require_good()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (record(image_floats=[0.5] * 783, image_class=[1]), "784 floats like those"),
        (record(image_floats=[0.7] * 784, image_class=[1]), "in -0.5..0.5 like those"),
        (record(image_floats=[math.nan] * 784, image_class=[1]), "received nan at pos"),
        (record(image=[picture(1)], label=[1]), "expected the layout of the records"),
        (record(image_floats=[0.5] * 784, image_class=[10]), "labels in 0..9"),
    ],
)
def test_faulty_floats_are_named(tmp_path: Path, bad: bytes, message: str) -> None:
    good = record(image_floats=[-0.5, 0.5] * 392, image_class=[1])
    write(tmp_path / "mnist.tfrecord", [good, good, bad])
    source = read_source(tmp_path)

    assert len(list(source.splits["train"].examples)) == 2
    with pytest.raises(DatasetError) as caught:
        source.findings.require_good()
    assert "mnist.tfrecord: record 2 (from 0): expected" in str(caught.value)
    assert message in str(caught.value)


def test_two_versions_are_refused_by_name(tmp_path: Path) -> None:
    for version in ("3.0.0", "3.0.1"):
        write(tmp_path / "mnist" / version / "mnist-train.tfrecord", good())

    message = r"received mnist/3\.0\.0, mnist/3\.0\.1\. Name one of these folders"
    with pytest.raises(DatasetError, match=message):
        read_source(tmp_path)
    (tmp_path / "mnist" / "3.0.1" / "label.labels.txt").write_text("\n".join(NAMES))
    assert read_source(tmp_path / "mnist" / "3.0.1").classes == tuple(NAMES)
    shutil.rmtree(tmp_path / "mnist" / "3.0.0")
    assert read_source(tmp_path).classes == tuple(NAMES)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    write(tmp_path / "x-train.tfrecord-00001-of-00003", good())

    with pytest.raises(DatasetError) as caught:
        read_source(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: expected 3 parts as their names say, received 1, without "
        "x-train.tfrecord-00000-of-00003, x-train.tfrecord-00002-of-00003. Fetch what "
        "is missing."
    )


def test_array_records_are_told_how_to_be_prepared(tmp_path: Path) -> None:
    (tmp_path / "mnist-train.array_record-00000-of-00001").touch()
    (tmp_path / "features.json").touch()

    for path in (tmp_path, tmp_path / "mnist-train.array_record-00000-of-00001"):
        with pytest.raises(DatasetError, match=r"ArrayRecord.*file_format='tfrecord'"):
            read_source(path)


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tfrecord").write_bytes(b"<!DOCTYPE html><html>Not found</html>")

    with pytest.raises(DatasetError, match="whole TFRecord, received an HTML page"):
        list(read_source(tmp_path).splits["train"].examples)


def test_litter_and_other_files_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path / "a.tfrecord", good())
    for name in ("._a.tfrecord", ".DS_Store", "features.json", "notes.md"):
        (tmp_path / name).touch()
    findings = read_source(tmp_path).findings

    assert (findings.litter, findings.left_out.first) == (2, [f"{tmp_path}/notes.md"])


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
