"""The exported model, called in a fresh process with TensorFlow and nothing else."""

import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from PIL import Image

from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.serving.signatures import export_model
from components.training.model import build_model
from pipeline.datasets.records import serialize_example
from tests.pages import first_digits

pytestmark = pytest.mark.slow

COUNT = 3

# Reads {name: (signature, argument, value)}, writes the signatures and the outputs.
CLIENT = """
import pickle, sys
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
calls = pickle.load(sys.stdin.buffer)
answers = {}
for name, (signature, argument, value) in calls.items():
    outputs = model.signatures[signature](**{argument: tf.constant(value)})
    answers[name] = {key: tensor.numpy() for key, tensor in outputs.items()}
assert not {"components", "tensorflow_transform", "tfx"} & set(sys.modules)
sys.stdout.buffer.write(pickle.dumps((sorted(model.signatures), answers)))
"""

Answer = dict[str, np.ndarray]


def digits() -> np.ndarray:
    """Images uint8 [3, 28, 28]."""
    return first_digits(COUNT)[0]


def blocks() -> np.ndarray:
    """An image of one grey in each 8×8 block, which JPEG keeps exactly."""
    greys = np.random.default_rng(0).integers(0, 256, (4, 4))
    # Bright on black.
    greys[0], greys[:, 0] = 0, 0
    return np.kron(greys, np.ones((8, 8))).astype(np.uint8)[:28, :28]


def encode(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def serialize(pixels: np.ndarray, label: int | None) -> bytes:
    record = tf.train.Example.FromString(serialize_example(pixels.reshape(-1), 0))
    if label is None:
        del record.features.feature["label"]
    else:
        record.features.feature["label"].int64_list.value[:] = [label]
    return record.SerializeToString()


def calls() -> dict[str, tuple[str, str, object]]:
    def examples(label: int | None) -> tuple[str, str, object]:
        return (
            "serving_default",
            "examples",
            [serialize(image, label) for image in digits()],
        )

    def pixels(*images: np.ndarray) -> tuple[str, str, object]:
        return "predict_pixels", "pixels", np.stack(images)

    def image(*encoded: bytes) -> tuple[str, str, object]:
        return "predict_image", "images", list(encoded)

    rgb = np.repeat(digits()[0][:, :, None], 3, axis=2)
    alpha = np.full((28, 28, 1), 255, np.uint8)
    red = np.zeros((28, 28, 3), np.uint8)
    red[:, :, 0] = digits()[0]
    grey = np.asarray(Image.fromarray(red).convert("L"))
    return {
        "examples": examples(None),
        "labelled": examples(7),
        "pixels": pixels(*digits()),
        "one": pixels(digits()[1]),
        "png": image(*(encode(digit) for digit in digits())),
        "rgb": image(encode(rgb)),
        "rgba": image(encode(np.concatenate([rgb, alpha], axis=2))),
        "jpeg": image(encode(blocks(), "JPEG", quality=100)),
        "blocks": pixels(blocks()),
        "red": image(encode(red)),
        "dim": pixels(grey),
    }


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_model(MNIST, ModelHyperparameters(hidden_units=(16,), dropout=0.5))


@pytest.fixture(scope="module")
def served(
    model: keras.Model, transform_graph: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[str], dict[str, Answer]]:
    """The names of the signatures and the answers to ``calls``."""
    folder = tmp_path_factory.mktemp("served") / "model"
    preprocess = tft.TFTransformOutput(str(transform_graph)).transform_features_layer()
    export_model(model, preprocess, folder)
    done = subprocess.run(
        [sys.executable, "-I", "-c", CLIENT, str(folder)],
        input=pickle.dumps(calls()),
        capture_output=True,
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(served) -> dict[str, Answer]:
    return served[1]


def probabilities(answers: dict[str, Answer], name: str) -> np.ndarray:
    return answers[name]["probabilities"]


def test_there_are_three_signatures(served) -> None:
    assert served[0] == ["predict_image", "predict_pixels", "serving_default"]


@pytest.mark.parametrize("name", ["examples", "pixels", "png"])
def test_every_signature_returns_probabilities_and_the_most_probable(
    answers, name
) -> None:
    answer = dict(answers[name])
    states = answer.pop("state", None)

    assert {key: (a.dtype, a.shape) for key, a in answer.items()} == {
        "probabilities": (np.float32, (COUNT, 10)),
        "class_id": (np.int64, (COUNT,)),
    }
    assert (states is None) == (name != "png")
    assert states is None or states.tolist() == [b"unknown"] * COUNT
    np.testing.assert_allclose(answer["probabilities"].sum(axis=1), 1.0, atol=1e-6)
    assert (answer["probabilities"] >= 0).all()
    np.testing.assert_array_equal(
        answer["class_id"], answer["probabilities"].argmax(axis=1)
    )


def test_the_answers_are_the_networks_own(answers, model) -> None:
    """No dropout, pixels / 255, softmax once."""
    logits = np.asarray(model(digits().reshape(COUNT, 784) / np.float32(255)))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    np.testing.assert_allclose(probabilities(answers, "pixels"), expected, atol=1e-5)


def test_the_digits_of_this_test_get_different_answers(answers) -> None:
    first, second, third = probabilities(answers, "pixels")

    for one, other in ((first, second), (second, third), (first, third)):
        assert np.abs(one - other).max() > 0.01


@pytest.mark.parametrize("name", ["examples", "png"])
def test_signatures_agree_on_the_same_digits(answers, name) -> None:
    np.testing.assert_allclose(
        probabilities(answers, name), probabilities(answers, "pixels"), atol=1e-6
    )


def test_serving_default_does_not_look_at_a_label(answers) -> None:
    np.testing.assert_array_equal(
        probabilities(answers, "labelled"), probabilities(answers, "examples")
    )


def test_a_digit_alone_gets_the_answer_that_it_gets_in_a_batch(answers) -> None:
    np.testing.assert_allclose(
        probabilities(answers, "one")[0], probabilities(answers, "pixels")[1], atol=1e-6
    )


@pytest.mark.parametrize("name", ["rgb", "rgba"])
def test_a_grey_picture_in_colours_is_the_same_digit(answers, name) -> None:
    np.testing.assert_allclose(
        probabilities(answers, name)[0], probabilities(answers, "pixels")[0], atol=1e-6
    )


def test_colours_count_as_bright_as_pillow_makes_them(answers) -> None:
    np.testing.assert_allclose(
        probabilities(answers, "red"), probabilities(answers, "dim"), atol=1e-6
    )


def test_a_jpeg_is_accepted(answers) -> None:
    np.testing.assert_allclose(
        probabilities(answers, "jpeg"), probabilities(answers, "blocks"), atol=1e-6
    )
