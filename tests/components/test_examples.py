"""Records on disk become arrays, or stay in their files when they are too many."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.checkout import PROJECT_ROOT
from components.examples import (
    LABEL_BYTES,
    FileSplit,
    MemorySplit,
    load_split,
    read_examples,
)
from components.image_spec import MNIST
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard

pytestmark = pytest.mark.slow

COUNT = 20
SEED = tf.constant([1, 2], tf.int64)

# Reads every example of some files once, shuffled; prints by how many megabytes
# memory grew at most.
# glibc keeps freed memory in an arena a thread, more or less for the same work.
RETURN_MEMORY = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
READER = """
import sys
import psutil
import tensorflow as tf
from components.examples import load_split
from components.image_spec import MNIST

def read(pattern, limit):
    split = load_split(MNIST, "train", [pattern], 0, limit)
    seed = tf.constant([0, 0], tf.int64)
    memory = [
        psutil.Process().memory_info().rss for _ in split.shuffled(100, seed)
    ]
    return len(memory), type(split).__name__, max(memory)

# Threads and buffers that a small file needs as well are no part of it.
_, _, before = read(sys.argv[1], int(sys.argv[3]))
steps, kind, after = read(sys.argv[2], int(sys.argv[3]))
print(steps, kind, round((after - before) / 1e6))
"""


def test_files_are_read_whole_and_in_order(tiny_examples: Path, tiny_items) -> None:
    images, labels = read_examples(MNIST, [str(tiny_examples / "*")])

    np.testing.assert_array_equal(images, tiny_items[0])
    np.testing.assert_array_equal(labels, tiny_items[1])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_the_order_of_the_patterns_does_not_matter(tiny_examples: Path) -> None:
    first, second = sorted(str(path) for path in tiny_examples.iterdir())

    images, _ = read_examples(MNIST, [second, first])

    assert images[:, 0].tolist() == list(range(COUNT))


@pytest.mark.parametrize(
    ("limit", "expected"), [(1, 1), (10, 10), (13, 13), (20, 20), (50, 20), (0, 20)]
)
def test_a_limit_takes_the_first_records(
    tiny_examples: Path, limit: int, expected: int
) -> None:
    images, labels = read_examples(MNIST, [str(tiny_examples / "*")], limit=limit)

    assert images[:, 0].tolist() == list(range(expected))
    assert len(labels) == expected


def test_no_file_is_an_error_that_names_the_pattern(tmp_path: Path) -> None:
    pattern = str(tmp_path / "none-*")

    with pytest.raises(
        ValueError,
        match=rf"at least one Example\. Received: \['{re.escape(pattern)}'\], "
        "which hold 0 files and no record",
    ):
        read_examples(MNIST, [pattern])


def test_a_file_without_a_record_is_an_error(tmp_path: Path) -> None:
    write_shard(tmp_path / "empty.tfrecord.gz", [])

    with pytest.raises(ValueError, match="which hold 1 files and no record"):
        read_examples(MNIST, [str(tmp_path / "*")])


def test_a_split_within_the_limit_is_held_in_memory(
    tiny_examples: Path, tiny_items, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="components.examples")
    split = load_split(MNIST, "train", [str(tiny_examples / "*")], 0, memory_limit=1)

    assert isinstance(split, MemorySplit)
    assert split.count == COUNT
    np.testing.assert_array_equal(split.images, tiny_items[0])
    np.testing.assert_array_equal(split.labels, tiny_items[1])
    assert caplog.messages == ["read 20 train examples into memory"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shards of 700 records, 1.7 MB when decoded; pixels 0 and 1 count."""
    folder = tmp_path_factory.mktemp("large")
    for shard in range(3):
        records = []
        for number in range(700 * shard, 700 * shard + 700):
            image = np.zeros(784, np.uint8)
            image[:2] = divmod(number, 256)
            records.append(serialize_example(image, number % 10))
        write_shard(folder / f"{shard}.tfrecord.gz", records)
    return folder


def numbers(dataset: tf.data.Dataset) -> list[int]:
    """Which records of ``large`` a dataset yields."""
    images = np.concatenate([image for image, _ in dataset.as_numpy_iterator()])
    return (images[:, 0].astype(int) * 256 + images[:, 1]).tolist()


def test_a_split_above_the_limit_stays_in_its_files(
    large: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="components.examples")
    split = load_split(MNIST, "train", [str(large / "*")], 0, memory_limit=1)

    assert isinstance(split, FileSplit)
    assert (split.count, len(split.files)) == (2100, 3)
    # All windows that are alive at once fit into the limit.
    assert split.window == 1_000_000 // (5 * (MNIST.pixels + LABEL_BYTES))
    assert caplog.messages == [
        "2100 train examples would take 1 MB, train.memory_limit is 1: each epoch "
        "reads them from 3 files"
    ]


def test_files_are_mixed_and_every_record_is_read_once(large: Path) -> None:
    split = load_split(MNIST, "train", [str(large / "*")], 0, memory_limit=1)
    epoch = numbers(split.shuffled(100, SEED))

    assert sorted(epoch) == list(range(2100))
    # The first batch has records of all files, and not their first ones.
    assert {number // 700 for number in epoch[:100]} == {0, 1, 2}
    assert max(number % 700 for number in epoch[:100]) > 50


def test_a_limit_holds_for_files_as_well(large: Path) -> None:
    split = load_split(MNIST, "train", [str(large / "*")], 1500, memory_limit=1)

    assert (type(split), split.count) == (FileSplit, 1500)
    assert sorted(numbers(split.shuffled(100, SEED))) == list(range(1500))
    assert numbers(split.in_order(100)) == list(range(1500))


def test_memory_stays_bounded_whatever_the_size(tmp_path: Path) -> None:
    """127 MB of decoded examples are read with a limit of 20 MB, and held without."""
    record = serialize_example(np.arange(784) % 256, 3)
    write_shard(tmp_path / "small.tfrecord.gz", [record] * 30_000)
    for shard in range(4):
        write_shard(tmp_path / f"large-{shard}.tfrecord.gz", [record] * 40_000)

    def grown(limit: int) -> tuple[int, str, int]:
        names = [str(tmp_path / f"{name}*") for name in ("small", "large")]
        done = subprocess.run(
            [sys.executable, "-c", READER, *names, str(limit)],
            cwd=PROJECT_ROOT,
            env=os.environ | RETURN_MEMORY,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        steps, kind, megabytes = done.stdout.split()
        return int(steps), kind, int(megabytes)

    steps, kind, bounded = grown(limit=20)
    assert (steps, kind) == (1600, "FileSplit")
    assert bounded < 40
    _, kind, held = grown(limit=1000)
    assert kind == "MemorySplit"
    # Once: neither loading nor iterating copies it.
    assert 100 < held < 170
