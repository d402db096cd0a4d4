"""The MNIST in data/ is MNIST, whole and unchanged."""

from pathlib import Path

import pytest

from components.image_spec import MNIST
from pipeline.datasets.manifest import read_manifest
from pipeline.datasets.records import decode_labels
from pipeline.datasets.shards import read_batches
from pipeline.datasets.verify import DatasetReport, verify_dataset

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[3] / "data"
FOLDER = DATA / "mnist"


@pytest.fixture(scope="module")
def report() -> DatasetReport:
    return verify_dataset(FOLDER, MNIST)


def test_nothing_is_wrong(report: DatasetReport):
    assert report.problems == []
    assert report.checksums


def test_counts(report: DatasetReport):
    assert {name: split.records for name, split in report.splits.items()} == {
        "train": 55_000,
        "val": 5_000,
        "test": 10_000,
    }
    assert report.splits["train"].files == 4


def test_classes_are_those_of_the_official_sets(report: DatasetReport):
    train, val, test = (split.labels for split in report.splits.values())
    assert test == (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    assert tuple(a + b for a, b in zip(train, val, strict=True)) == (
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "labels"),
    [
        ("train/train-00000-of-00004.tfrecord.gz", [5, 0, 4, 1, 9]),
        ("test/test-00000-of-00001.tfrecord.gz", [7, 2, 1, 0, 4]),
    ],
)
def test_first_labels(file: str, labels: list[int]):
    assert decode_labels(next(read_batches(FOLDER / file, 5)), MNIST).tolist() == labels


def test_it_stays_within_16_mb(report: DatasetReport):
    assert sum(split.bytes for split in report.splits.values()) <= 16_000_000


def test_the_readme_gives_the_checksum_of_each_file():
    readme = (DATA / "README.md").read_text()
    for name, entry in read_manifest(FOLDER).items():
        assert f"{entry.sha256}  {name}\n" in readme
