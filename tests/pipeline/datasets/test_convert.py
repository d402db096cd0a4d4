"""The written files: exact values, exact bytes, and nothing left after a failure."""

import errno
import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.classes import read_class_names
from components.errors import DatasetError, PipelineError
from pipeline.datasets.convert import write_dataset
from pipeline.datasets.manifest import ShardEntry, read_manifest
from pipeline.datasets.shards import shard_sizes, write_shard
from tests.pipeline.datasets.idx_splits import read_splits

# The same under TensorFlow 2.16 with protobuf 4 and TensorFlow 2.21 with protobuf 7.
SHA256 = {
    "train/train-00000-of-00003.tfrecord.gz": (
        "b9d86d78f406d2faf9ea479562e395b6967c07cb010e2fb487f4cff5c7a8bcc1"
    ),
    "train/train-00001-of-00003.tfrecord.gz": (
        "d3fe219b43e06a4b33a6c743959bc3ddd8c5be9a7ab8cfe43addef70f49ff4ad"
    ),
    "train/train-00002-of-00003.tfrecord.gz": (
        "84dc4491d2c45c1634ebce2835a19f19a043adbde58610d62fa6a40bd7dbb8c8"
    ),
    "val/val-00000-of-00001.tfrecord.gz": (
        "2a2be4a8335f01354bf7e864007521bcb4bc13e2874e01e0beba8835f59dd277"
    ),
    "test/test-00000-of-00002.tfrecord.gz": (
        "cc46ceb0031fddc55b82e301ca1b76646cba684e26e02b34667394cfd4b9d6a9"
    ),
    "test/test-00001-of-00002.tfrecord.gz": (
        "400de6cc44693408da1ff1d2cc8fe5e49f4aaf727c271c20e2c943d26bab7385"
    ),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def read_split(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels int64[n, 784] and labels int64[n], by TensorFlow's own parser."""
    spec = {
        "image": tf.io.FixedLenFeature([784], tf.int64),
        "label": tf.io.FixedLenFeature([], tf.int64),
    }
    files = sorted(str(path) for path in folder.iterdir())
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP")
    parsed = tf.io.parse_example(list(dataset), spec)
    return parsed["image"].numpy(), parsed["label"].numpy()


def test_pixels_and_labels_come_back(converted: Path, train_items, test_items):
    pixels, labels = train_items
    expected = {
        "train": (pixels[:23], labels[:23]),
        "val": (pixels[23:], labels[23:]),
        "test": test_items,
    }
    for split, (expected_pixels, expected_labels) in expected.items():
        received_pixels, received_labels = read_split(converted / split)
        np.testing.assert_array_equal(received_pixels, expected_pixels)
        np.testing.assert_array_equal(received_labels, expected_labels)


def test_the_bytes_are_pinned(converted: Path):
    files = contents(converted)
    del files["dataset.json"]
    assert {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    } == SHA256


def test_the_manifest_lists_every_file(converted: Path):
    counts = dict(zip(SHA256, (8, 8, 7, 7, 6, 6), strict=True))
    assert read_manifest(converted) == {
        name: ShardEntry(counts[name], sha256) for name, sha256 in SHA256.items()
    }


def test_names_of_classes_are_written_beside_the_splits(
    idx_folder: Path, tmp_path: Path
):
    names = tuple(f"class {label} é" for label in range(10))
    out = tmp_path / "out"
    write_dataset(read_splits(idx_folder, 7), out, lambda _: None, classes=names)
    assert read_class_names(out, 10) == names


def test_a_second_conversion_gives_the_same_bytes(converted: Path, idx_folder: Path):
    again = converted.with_name("again")
    write_dataset(read_splits(idx_folder, 7), again, lambda _: None, 10)
    assert contents(again) == contents(converted)


def test_progress_counts_every_record(idx_folder: Path, tmp_path: Path):
    steps = []
    write_dataset(read_splits(idx_folder, 7), tmp_path / "out", steps.append)
    assert sum(steps) == 42


def test_missing_parents_are_made(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "a" / "b" / "out"
    write_dataset(read_splits(idx_folder, 7), out, lambda _: None)
    assert sorted(path.name for path in out.iterdir()) == [
        "dataset.json",
        "test",
        "train",
        "val",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "idx"]


@pytest.mark.parametrize(
    ("count", "largest", "sizes"),
    [
        (55_000, 16_384, [13_750] * 4),
        (5_000, 16_384, [5_000]),
        (23, 10, [8, 8, 7]),
        (20, 10, [10, 10]),
        (1, 10, [1]),
    ],
)
def test_shards_are_few_and_even(count: int, largest: int, sizes: list[int]):
    assert shard_sizes(count, largest) == sizes


@pytest.mark.parametrize("kind", ["folder", "file", "broken link"])
def test_an_existing_output_is_refused_and_kept(idx_folder, tmp_path, kind: str):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
    elif kind == "file":
        out.write_text("mine")
    else:
        out.symlink_to("nowhere")
    message = re.escape(f"{out}: expected a folder that does not exist yet")
    with pytest.raises(DatasetError, match=message):
        write_dataset(read_splits(idx_folder, 7), out, lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["idx", "out"]


@pytest.mark.parametrize("out", ["out", "a/b/out"])
def test_a_faulty_source_leaves_nothing(idx_folder: Path, tmp_path: Path, out: str):
    labels = idx_folder / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(DatasetError, match="t10k-labels-idx1-ubyte: truncated"):
        write_dataset(read_splits(idx_folder, 7), tmp_path / out, lambda _: None)
    assert list(tmp_path.iterdir()) == [idx_folder]


def test_an_interruption_leaves_nothing(idx_folder: Path, tmp_path: Path):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(read_splits(idx_folder, 7), tmp_path / "out", interrupt)
    assert list(tmp_path.iterdir()) == [idx_folder]


def test_no_permission_is_one_sentence(idx_folder, tmp_path, monkeypatch):
    def refuse(path, *args):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    splits = read_splits(idx_folder, 7)
    # Root may write anywhere, so the refusal has to be staged.
    monkeypatch.setattr(os, "mkdir", refuse)
    message = (
        r"Received: Permission denied \(.+\)\. Check permissions and free space\.$"
    )
    with pytest.raises(PipelineError, match=message):
        write_dataset(splits, tmp_path / "out", lambda _: None)
    assert list(tmp_path.iterdir()) == [idx_folder]


def test_a_failed_write_names_the_file(tmp_path: Path):
    path = tmp_path / "nowhere" / "x.tfrecord.gz"
    message = re.escape(f"{path}: expected to write records, received")
    with pytest.raises(DatasetError, match=message):
        write_shard(path, [b"record"])
