"""Requests decode to the images they were made of; files read back as written."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from components.features import IMAGE
from components.image_spec import MNIST
from components.serving.requests import (
    SIGNATURES,
    build_request,
    read_reference,
    signature_input,
    write_reference,
    write_warmup_requests,
)
from tests.components.serving.models import reference, save_model

WARMUP = "assets.extra/tf_serving_warmup_requests"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return reference().images[:3]


def decode(signature: str, value: tf.Tensor) -> np.ndarray:
    if signature == "predict_pixels":
        return value.numpy()
    if signature == "predict_image":
        return np.array([tf.io.decode_png(png).numpy()[:, :, 0] for png in value])
    spec = {IMAGE: tf.io.FixedLenFeature([MNIST.pixels], tf.int64)}
    return tf.io.parse_example(value, spec)[IMAGE].numpy().reshape(-1, 28, 28)


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_request_holds_the_images_as_the_signature_takes_them(
    images, signature: str, count: int
) -> None:
    expected = signature_input(signature, (28, 28))

    [(name, value)] = build_request(signature, images[:count]).items()

    assert (name, value.dtype.name) == (expected.name, expected.dtype)
    assert value.shape.as_list() == [count, *expected.shape[1:]]
    if count:
        np.testing.assert_array_equal(decode(signature, value), images[:count])


def test_the_reference_reads_back_as_written(tmp_path: Path) -> None:
    written = reference()
    write_reference(tmp_path, written)

    read = read_reference(tmp_path)

    for one, same in zip(read, written, strict=True):
        assert one.dtype == same.dtype
        np.testing.assert_array_equal(one, same)


def test_a_model_answers_its_warmup_requests(images, tmp_path: Path) -> None:
    """As TensorFlow Serving replays them: by name, from the bytes alone."""
    export = save_model(tmp_path / "export")
    write_warmup_requests(export, images)
    signatures = tf.saved_model.load(str(export)).signatures

    replayed = []
    for record in tf.data.TFRecordDataset(str(export / WARMUP)).as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        name = request.model_spec.signature_name
        answer = signatures[name](**{k: tf.constant(v) for k, v in inputs.items()})
        replayed.append((name, answer["class_id"].shape[0]))
        np.testing.assert_allclose(
            answer["probabilities"],
            reference().probabilities[: replayed[-1][1]],
            atol=1e-6,
        )

    assert replayed == [
        (name, count)
        for name in ("serving_default", "predict_pixels", "predict_image")
        for count in (1, 3)
    ]


def test_warmup_requests_are_the_same_bytes_each_time(images, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_warmup_requests(tmp_path / name, images)

    assert (tmp_path / "one" / WARMUP).read_bytes() == (
        tmp_path / "two" / WARMUP
    ).read_bytes()
