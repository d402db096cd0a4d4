"""The curated schema: what it says, and what TFDV makes of records by it."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_data_validation.statistics import stats_impl
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

from components.examples import feature_spec
from components.features import IMAGE, LABEL, MAX_PIXEL
from components.image_spec import MNIST
from pipeline.config import Config
from pipeline.datasets.records import serialize_example

COUNT = 20


@pytest.fixture(scope="module")
def schema() -> schema_pb2.Schema:
    return text_format.Parse(Config().schema.read_text(), schema_pb2.Schema())


@pytest.fixture(scope="module")
def features(schema: schema_pb2.Schema) -> dict[str, schema_pb2.Feature]:
    return {feature.name: feature for feature in schema.feature}


def test_the_features_are_those_of_a_record(features) -> None:
    assert list(features) == [IMAGE, LABEL]
    assert all(feature.type == schema_pb2.INT for feature in features.values())


def test_shapes_agree_with_what_training_parses(features) -> None:
    shapes = {
        name: [dim.size for dim in feature.shape.dim]
        for name, feature in features.items()
    }

    assert shapes == {IMAGE: [MNIST.pixels], LABEL: [1]}
    assert shapes == {
        name: list(spec.shape) for name, spec in feature_spec(MNIST).items()
    }


def test_domains_agree_with_the_ranges_of_pixels_and_digits(features) -> None:
    pixel, digit = features[IMAGE].int_domain, features[LABEL].int_domain

    assert (pixel.min, pixel.max, pixel.is_categorical) == (0, MAX_PIXEL, False)
    assert (digit.min, digit.max, digit.is_categorical) == (0, MNIST.classes - 1, True)


def test_every_record_must_hold_every_feature(features) -> None:
    for feature in features.values():
        assert (feature.presence.min_fraction, feature.presence.min_count) == (1.0, 1)


def test_only_requests_for_serving_come_without_a_label(schema, features) -> None:
    assert list(schema.default_environment) == ["TRAINING", "SERVING"]
    assert list(features[LABEL].not_in_environment) == ["SERVING"]
    assert list(features[IMAGE].not_in_environment) == []


Feature = dict[str, tf.train.Feature]


def record(index: int) -> tf.train.Example:
    """A record in the layout, from our own writer; together they span 0..255."""
    pixels = (np.arange(MNIST.pixels) * 7 + index) % 256
    serialized = serialize_example(pixels.astype(np.uint8), index % MNIST.classes)
    return tf.train.Example.FromString(serialized)


@pytest.fixture(scope="module")
def anomalies(schema: schema_pb2.Schema) -> Callable[..., dict[str, set[str]]]:
    """Validates records, the last one spoilt; feature → short descriptions."""

    def validate(
        spoil: Callable[[tf.train.Example], None] = lambda example: None,
        environment: str = "TRAINING",
        count: int = COUNT,
    ) -> dict[str, set[str]]:
        examples = [record(index) for index in range(COUNT)]
        for example in examples[COUNT - count :]:
            spoil(example)
        serialized = [example.SerializeToString() for example in examples]
        batch = example_coder.ExamplesToRecordBatchDecoder().DecodeBatch(serialized)
        statistics = stats_impl.generate_statistics_in_memory(batch)
        found = tfdv.validate_statistics(statistics, schema, environment=environment)
        return {
            name: {reason.short_description for reason in info.reason}
            for name, info in found.anomaly_info.items()
        }

    return validate


def test_good_records_have_no_anomalies(anomalies) -> None:
    assert anomalies() == {}


def replace(name: str, values: list[int]) -> Callable[[tf.train.Example], None]:
    def spoil(example: tf.train.Example) -> None:
        example.features.feature[name].int64_list.value[:] = values

    return spoil


def remove(name: str) -> Callable[[tf.train.Example], None]:
    def spoil(example: tf.train.Example) -> None:
        del example.features.feature[name]

    return spoil


def add_another(example: tf.train.Example) -> None:
    example.features.feature["writer"].int64_list.value.append(1)


def as_floats(example: tf.train.Example) -> None:
    values = list(example.features.feature[IMAGE].int64_list.value)
    del example.features.feature[IMAGE]
    example.features.feature[IMAGE].float_list.value[:] = values


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        pytest.param(replace(IMAGE, [0] * 783 + [256]), IMAGE, id="pixel too high"),
        pytest.param(replace(IMAGE, [0] * 783 + [-1]), IMAGE, id="pixel too low"),
        pytest.param(replace(IMAGE, [0] * 783), IMAGE, id="a pixel short"),
        pytest.param(remove(IMAGE), IMAGE, id="no image"),
        pytest.param(replace(LABEL, [10]), LABEL, id="label too high"),
        pytest.param(replace(LABEL, [-1]), LABEL, id="label too low"),
        pytest.param(replace(LABEL, [1, 2]), LABEL, id="two labels"),
        pytest.param(remove(LABEL), LABEL, id="no label"),
        pytest.param(add_another, "writer", id="unknown feature"),
    ],
)
def test_one_bad_record_is_an_anomaly_of_its_feature(anomalies, spoil, name) -> None:
    assert set(anomalies(spoil, count=1)) == {name}


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        pytest.param(as_floats, IMAGE, id="float pixels"),
        pytest.param(remove(LABEL), LABEL, id="no labels"),
        pytest.param(remove(IMAGE), IMAGE, id="no images"),
    ],
)
def test_bad_records_throughout_are_an_anomaly(anomalies, spoil, name) -> None:
    assert name in anomalies(spoil)


def test_requests_may_come_without_a_label_and_not_without_an_image(anomalies) -> None:
    assert anomalies(remove(LABEL), environment="SERVING") == {}
    assert set(anomalies(remove(IMAGE), environment="SERVING")) >= {IMAGE}
