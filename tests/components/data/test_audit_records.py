"""Records as DataAudit reads them: all of a small split, a fair part of a large one."""

import numpy as np
import pytest
import tensorflow as tf

from components.data.audit_records import read_records
from components.image_spec import ImageSpec

SPEC = ImageSpec(height=2, width=2, channels=1, classes=10)


def write(path, images, labels) -> None:
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for image, label in zip(images.tolist(), labels.tolist(), strict=True):
            features = {
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                for name, values in (("image", image), ("label", [label]))
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


@pytest.fixture
def split(tmp_path):
    """Two files of 3,000 records, whose labels take turns."""
    images = np.random.default_rng(0).integers(0, 256, (6000, 4))
    labels = np.arange(6000) % 10
    for index, own in enumerate((slice(3000), slice(3000, None))):
        write(tmp_path / f"part-{index}.gz", images[own], labels[own])
    return str(tmp_path / "part-*.gz"), images, labels


def test_all_records_of_a_small_split_are_read_with_their_places(split):
    pattern, images, labels = split
    records = read_records([pattern], SPEC)
    assert records.images.dtype == np.uint8
    assert (records.images.reshape(-1, 4) == images).all()
    assert (records.labels == labels).all()
    assert [name[-9:] for name in records.files] == ["part-0.gz", "part-1.gz"]
    assert (records.file == np.repeat([0, 1], 3000)).all()
    assert (records.number == np.tile(np.arange(3000), 2)).all()
    assert records.total == 6000


@pytest.mark.parametrize("total", [6000, None])
def test_a_sample_keeps_places_and_the_shares_of_labels(split, total):
    pattern, images, labels = split
    records = read_records([pattern], SPEC, total, most=2000)
    assert 1700 <= len(records.labels) <= 2000
    place = records.file * 3000 + records.number
    assert (np.diff(place) > 0).all()
    assert (records.images.reshape(-1, 4) == images[place]).all()
    assert (records.labels == labels[place]).all()
    assert records.total == 6000
    assert np.bincount(records.labels, minlength=10).min() > 140
    again = read_records([pattern], SPEC, total, most=2000)
    assert (again.number == records.number).all()


def test_no_more_is_kept_than_allowed_where_the_count_was_too_low(split):
    pattern, _, _ = split
    records = read_records([pattern], SPEC, total=100, most=70)
    assert len(records.labels) == 70


def test_a_label_of_no_class_is_refused(tmp_path):
    write(tmp_path / "a.gz", np.zeros((3, 4), int), np.array([0, 10, 1]))
    with pytest.raises(ValueError, match=r"Expected labels in 0\.\.9"):
        read_records([str(tmp_path / "a.gz")], SPEC)


def test_no_file_is_no_record(tmp_path):
    assert len(read_records([str(tmp_path / "none*.gz")], SPEC).labels) == 0
