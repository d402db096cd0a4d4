"""What is counted of batches of records, however the records are laid in them."""

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.data import scan as data_scan
from components.data.counts import DataStatistics, read_statistics
from components.data.scan import (
    DIGESTS,
    ScanBatches,
    count,
    digest,
    find_repeated,
    read_batch,
)
from components.image_spec import MNIST, ImageSpec
from pipeline.datasets.records import serialize_example
from tests.typed_beam import TYPED_BEAM_ARGS


def image(number: int) -> np.ndarray:
    """An image uint8 [784] unlike that of any other number."""
    pixels = np.zeros(784, np.uint8)
    pixels[:3] = number, 100, 200
    return pixels


def raw(image: Sequence | None, label: Sequence | None, name: str = "image") -> bytes:
    """A record with any number and type of values, or without a feature."""
    example = tf.train.Example()
    for key, values in ((name, image), ("label", label)):
        feature = example.features.feature[key] if values is not None else None
        if values and isinstance(values[0], float):
            feature.float_list.value.extend(values)
        elif values:
            feature.int64_list.value.extend(values)
    return example.SerializeToString()


GOOD = serialize_example(image(1), 3)
MALFORMED = [
    pytest.param(raw([0] * 784, None), id="label missing"),
    pytest.param(raw([0] * 784, [1, 2]), id="two labels"),
    pytest.param(raw([0] * 783, [1]), id="783 pixels"),
    pytest.param(raw([], [1]), id="no pixels"),
    pytest.param(raw([256] + [0] * 783, [1]), id="pixel 256"),
    pytest.param(raw([-1] + [0] * 783, [1]), id="pixel -1"),
    pytest.param(raw([0] * 784, [10]), id="label 10"),
    pytest.param(raw([0] * 784, [-1]), id="label -1"),
    pytest.param(raw([0] * 784, [1], name="picture"), id="renamed feature"),
]


def decode(records: Sequence[bytes]) -> pa.RecordBatch:
    return ExamplesToRecordBatchDecoder().DecodeBatch(list(records))


def scan(folder: Path, batches: dict[str, list[list[bytes]]]) -> DataStatistics:
    """Scans batches of records."""
    keyed = [
        (split, decode(part)) for split, parts in batches.items() for part in parts
    ]
    with beam.Pipeline(argv=TYPED_BEAM_ARGS) as pipeline:
        _ = pipeline | beam.Create(keyed) | ScanBatches(str(folder / "out"), MNIST)
    return read_statistics(folder / "out")


def records(numbers: Sequence[int], label: int | None = None) -> list[bytes]:
    return [
        serialize_example(image(number), number % 10 if label is None else label)
        for number in numbers
    ]


@pytest.fixture
def planted() -> dict[str, list[bytes]]:
    """20 images in train; val holds 2 of them, test 3, with 1 in all; 2 conflicts."""
    return {
        "train": [*records(range(20)), *records([4], 9), raw([0] * 783, [1])],
        "val": records([1, 2, 31, 32]),
        "test": [*records([2, 3]), *records([5], 8), *records([41])]
        # Constant images recur, with several labels, and have their own check.
        + [serialize_example(np.full(784, 255, np.uint8), label) for label in (0, 1)],
    }


def test_every_record_is_counted(tmp_path, planted):
    statistics = scan(tmp_path, {split: [part] for split, part in planted.items()})

    train, val, test = (statistics.split(name) for name in ("train", "val", "test"))
    assert [s.examples for s in (train, val, test)] == [21, 4, 6]
    assert [s.malformed for s in (train, val, test)] == [1, 0, 0]
    assert [s.constant for s in (train, val, test)] == [0, 0, 2]
    assert train.labels == (2, 2, 2, 2, 2, 2, 2, 2, 2, 3)
    assert val.labels == (0, 2, 2, 0, 0, 0, 0, 0, 0, 0)
    assert (val.pixels[0], val.pixels[100], val.pixels[200]) == (4 * 781, 4, 4)
    assert [val.pixels[number] for number in (1, 2, 31, 32, 33)] == [1, 1, 1, 1, 0]
    assert sum(test.pixels) == 6 * 784


def test_repeated_images_are_found_across_batches(tmp_path, planted):
    statistics = scan(tmp_path, {split: [part] for split, part in planted.items()})

    assert statistics.leakage == {
        ("train", "val"): 2,
        ("train", "test"): 3,
        ("val", "test"): 1,
    }
    assert statistics.conflicts == {(4, 9): 1, (5, 8): 1}


def test_order_and_number_of_batches_do_not_matter(tmp_path, planted, monkeypatch):
    one = scan(tmp_path / "one", {split: [part] for split, part in planted.items()})
    # Flushes in the middle, too.
    monkeypatch.setattr(data_scan, "_FLUSH", 5)
    turned = {split: part[::-1] for split, part in planted.items()}
    many = scan(
        tmp_path / "many",
        {split: [p[:1], p[1:3], p[3:9], p[9:]] for split, p in turned.items()},
    )

    assert many == one


def test_no_batch_counts_nothing(tmp_path):
    assert scan(tmp_path, {}) == DataStatistics()


def test_splits_that_the_gate_does_not_judge_are_not_counted(tmp_path):
    statistics = scan(tmp_path, {"val": [records([1])], "more": [records([1, 2])]})

    assert set(statistics.splits) == {"val"}
    assert statistics.leakage == {}


@pytest.mark.parametrize("record", MALFORMED)
def test_a_malformed_record_is_left_out_and_counted(record):
    images, labels, malformed = read_batch(decode([GOOD, record, GOOD]), MNIST)

    assert malformed == 1
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, [image(1)] * 2)
    assert labels.tolist() == [3, 3]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(raw([0.5] * 784, [1]), id="float pixels"),
        pytest.param(raw([0] * 784, [1.5]), id="float label"),
        pytest.param(raw([0] * 784, None), id="no label"),
        pytest.param(raw(None, [1]), id="no image"),
        pytest.param(raw(None, None), id="nothing"),
    ],
)
def test_a_batch_without_a_feature_is_all_malformed(record):
    images, labels, malformed = read_batch(decode([record] * 4), MNIST)

    assert malformed == 4
    assert images.shape == (0, 784)
    assert labels.shape == (0,)


def test_an_empty_batch_counts_nothing_but_the_malformed():
    statistics = count(np.empty((0, 784), np.uint8), np.empty(0, np.int64), 5, 10)
    assert (statistics.examples, statistics.malformed) == (0, 5)


def test_digests_depend_on_the_image_alone():
    images = np.stack([image(1), image(2), np.zeros(784), image(1)]).astype(np.uint8)
    digests = digest(images, np.array([1, 2, 3, 4]), "val")

    assert digests.dtype == DIGESTS
    assert digests["label"].tolist() == [1, 2, 4]
    assert digests["split"].tolist() == [1, 1, 1]
    assert digests["hash"][0].tolist() == digests["hash"][2].tolist()
    assert len(np.unique(digests["hash"], axis=0)) == 2


def test_images_that_share_half_a_hash_are_not_the_same():
    digests = np.array([((7, 1), 0, 3), ((7, 2), 1, 4), ((8, 1), 2, 5)], DIGESTS)
    assert find_repeated([digests]) == DataStatistics()


def test_conflicts_hold_any_number_of_classes() -> None:
    seen = [(1, 0, 999), (1, 0, 70), (1, 1, 70), (2, 0, 500), (2, 0, 500), (3, 0, 999)]
    seen += [(3, 0, 70), (4, 0, 0), (4, 0, 1), (4, 0, 2)]
    digests = np.array([((7, one), *rest) for one, *rest in seen], DIGESTS)

    found = find_repeated([digests])

    assert found.conflicts == {(70, 999): 2, (0, 1, 2): 1}
    assert found.leakage == {("train", "val"): 1}


def test_records_of_another_size_are_counted() -> None:
    spec = ImageSpec(3, 2, 1, 4)
    records = [raw([1] * 5 + [9], [3]), raw([0] * 6, [4]), GOOD]

    images, labels, malformed = read_batch(decode(records), spec)

    assert (images.tolist(), labels.tolist(), malformed) == ([[1] * 5 + [9]], [3], 2)
    assert count(images, labels, malformed, 4).labels == (0, 0, 0, 1)
