"""Small SavedModels with the signatures of ours, and with planted defects."""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.checks import Check
from components.features import IMAGE
from components.image_spec import MNIST
from components.serving.requests import (
    REFERENCE_COUNT,
    SIGNATURES,
    Reference,
    write_reference,
)

Answer = dict[str, tf.Tensor]
Change = Callable[[Answer], Answer]

PIXELS_SPEC = tf.TensorSpec([None, 28, 28], tf.uint8, name="pixels")


def unchanged(answer: Answer) -> Answer:
    return answer


def reference() -> Reference:
    """Images of noise, and what a good model answers."""
    images = np.random.default_rng(0).integers(
        0, 256, (REFERENCE_COUNT, 28, 28), np.uint8
    )
    exponentials = np.exp(images[:, 0, :10].astype(np.float32) / 255)
    return Reference(images, exponentials / exponentials.sum(axis=1, keepdims=True))


def save_reference(folder: Path) -> Path:
    """Writes the reference as the Trainer does; returns the folder."""
    folder.mkdir()
    write_reference(folder, reference())
    return folder


def failed(checks: Iterable[Check]) -> dict[tuple[str, str], float | str | None]:
    """Returns the values of the checks that did not pass, by name and slice."""
    return {(c.name, c.slice): c.value for c in checks if not c.passed}


def classify(pixels: tf.Tensor) -> Answer:
    """Answers with the softmax of the first ten pixels."""
    logits = tf.cast(tf.reshape(pixels, [-1, MNIST.pixels])[:, :10], tf.float32) / 255
    return {
        "probabilities": tf.nn.softmax(logits),
        "class_id": tf.argmax(logits, axis=1),
    }


def serving_default(examples: tf.Tensor) -> Answer:
    spec = {IMAGE: tf.io.FixedLenFeature([MNIST.pixels], tf.int64)}
    return classify(tf.io.parse_example(examples, spec)[IMAGE])


def predict_image(images: tf.Tensor) -> Answer:
    """Answers pictures of any size; what cannot be read gets the class -1."""
    count = tf.size(images)

    def decode(number: tf.Tensor, encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        grey = tf.io.decode_image(encoded, channels=1, expand_animations=False)
        small = tf.image.resize(grey, MNIST.size, method="area")
        return number, tf.cast(tf.round(small), tf.uint8)

    last = tf.data.Dataset.from_tensors((count, tf.zeros([28, 28, 1], tf.uint8)))
    read, pixels = (
        tf.data.Dataset.from_tensor_slices((tf.range(count), images))
        .map(decode)
        .ignore_errors()
        .concatenate(last)
        .batch(tf.cast(count, tf.int64) + 1)
        .get_single_element()
    )
    rows = read[:, None]
    blank = tf.zeros([count + 1, 28, 28, 1], tf.uint8)
    answer = classify(tf.tensor_scatter_nd_update(blank, rows, pixels)[:-1])
    known = tf.zeros([count + 1], tf.bool)
    known = tf.tensor_scatter_nd_update(known, rows, tf.ones_like(read, tf.bool))[:-1]
    return {
        **answer,
        "class_id": tf.where(known, answer["class_id"], -1),
        "state": tf.where(known, "sure", "unreadable"),
    }


def save_model(
    folder: Path,
    change: Change = unchanged,
    signatures: Collection[str] = tuple(SIGNATURES),
    pixels_spec: tf.TensorSpec = PIXELS_SPEC,
) -> Path:
    """Saves a model of ``classify``.

    Args:
      folder: to write to.
      change: what the answer of ``predict_pixels`` goes through.
      signatures: names of those to export.
      pixels_spec: the input of ``predict_pixels``.
    """

    def predict_pixels(pixels: tf.Tensor) -> Answer:
        return change(classify(pixels))

    functions = {
        "serving_default": (serving_default, tf.TensorSpec([None], tf.string)),
        "predict_pixels": (predict_pixels, pixels_spec),
        "predict_image": (predict_image, tf.TensorSpec([None], tf.string)),
    }
    concrete = {
        name: tf.function(functions[name][0]).get_concrete_function(
            _named(functions[name][1], SIGNATURES[name])
        )
        for name in signatures
    }
    tf.saved_model.save(tf.Module(), str(folder), signatures=concrete)
    return folder


def _named(spec: tf.TensorSpec, default: str) -> tf.TensorSpec:
    return tf.TensorSpec(spec.shape, spec.dtype, spec.name or default)


def wait(answer: Answer, seconds: float) -> Answer:
    """Keeps a core busy before the answer, as a model that is too slow does."""
    start = tf.timestamp()
    count = tf.while_loop(
        lambda _: tf.timestamp() < start + seconds,
        lambda count: [count + 1],
        [tf.constant(0, tf.int64)],
    )[0]
    return {**answer, "class_id": answer["class_id"] + tf.minimum(count, 0)}


def hang_on_batches(answer: Answer) -> Answer:
    """Answers one image at once and never answers more."""
    many = tf.shape(answer["class_id"])[0] > 1
    return tf.cond(many, lambda: wait(answer, 1e6), lambda: answer)
