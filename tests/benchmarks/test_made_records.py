"""Records that the benchmarks make: for TFX's example, and several times over."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.scale_records import write_copies
from benchmarks.tfx_records import write_example_data
from components.errors import UsageError
from components.examples import read_examples
from components.features import SPLITS
from components.image_spec import MNIST
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import read_batches, write_shard

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_items) -> Path:
    """``tiny_items``: 10 in ``train``, 5 in each other split; pixel 0 is black."""
    folder = tmp_path_factory.mktemp("data")
    images, labels = tiny_items[0].copy(), tiny_items[1]
    images[:, 1], images[:, 0] = images[:, 0], 0
    records = [serialize_example(*item) for item in zip(images, labels, strict=True)]
    for split, part in zip(
        SPLITS, (slice(10), slice(10, 15), slice(15, 20)), strict=True
    ):
        (folder / split).mkdir()
        write_shard(folder / split / f"{split}.tfrecord.gz", records[part])
    return folder


def test_records_for_the_example_are_the_same_images_in_its_layout(
    data: Path, tmp_path: Path
) -> None:
    assert write_example_data(data, tmp_path / "records") == 20
    files = sorted((tmp_path / "records").iterdir())
    assert [file.name for file in files] == [
        "test.tfrecord.gz",
        "train.tfrecord.gz",
        "val.tfrecord.gz",
    ]

    images, labels = read_examples(MNIST, [f"{data}/train/*"])
    [records] = read_batches(files[1], 100)
    for record, pixels, label in zip(records, images, labels, strict=True):
        feature = tf.train.Example.FromString(record).features.feature
        floats = np.array(feature["image_floats"].float_list.value)
        assert set(feature) == {"image_floats", "image_class"}
        assert floats.min() >= -0.5
        assert floats.max() <= 0.5
        np.testing.assert_allclose((floats + 0.5) * 255, pixels, atol=1e-4)
        assert list(feature["image_class"].int64_list.value) == [label]


def test_the_first_copy_is_the_data_itself(data: Path, tmp_path: Path) -> None:
    assert write_copies(data, tmp_path / "once", 1) == 20
    for split in SPLITS:
        [copy] = (tmp_path / "once" / split).iterdir()
        assert copy.read_bytes() == (data / split / f"{split}.tfrecord.gz").read_bytes()


def test_copies_differ_in_the_first_pixel_alone(data: Path, tmp_path: Path) -> None:
    assert write_copies(data, tmp_path / "thrice", 3) == 60
    seen = set()
    for split in SPLITS:
        images, labels = read_examples(MNIST, [f"{data}/{split}/*.tfrecord.gz"])
        copies, copied = read_examples(
            MNIST, [f"{tmp_path}/thrice/{split}/*.tfrecord.gz"]
        )
        np.testing.assert_array_equal(copied, np.tile(labels, 3))
        np.testing.assert_array_equal(copies[:, 1:], np.tile(images[:, 1:], (3, 1)))
        assert copies[:, 0].tolist() == np.repeat([0, 1, 2], len(labels)).tolist()
        seen |= {image.tobytes() for image in copies}
    assert len(seen) == 60


@pytest.mark.parametrize("factor", [0, 257])
def test_a_factor_that_no_pixel_can_hold_is_refused(
    data: Path, tmp_path: Path, factor: int
) -> None:
    with pytest.raises(UsageError, match=f"1 to 256.* Received: {factor}"):
        write_copies(data, tmp_path / "none", factor)
    assert not (tmp_path / "none").exists()
