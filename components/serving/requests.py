"""What clients send to each signature, and the predictions the Trainer expects.

The Trainer writes the reference and the warm-up requests, ServingCheck's probe sends
the requests. TensorFlow and NumPy alone, so that the probe stays that plain.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components.features import IMAGE

REFERENCE_FILE = "reference.npz"
REFERENCE_COUNT = 64
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"


class SignatureInput(NamedTuple):
    """The one input of a signature; None in the shape stands for any size."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


# The signatures and what their inputs are called.
SIGNATURES = {
    "serving_default": "examples",
    "predict_pixels": "pixels",
    "predict_image": "images",
}


def signature_input(signature: str, size: tuple[int, ...]) -> SignatureInput:
    """Returns the input of one of ``SIGNATURES`` for images of a height and width."""
    name = SIGNATURES[signature]
    if name == "pixels":
        return SignatureInput(name, "uint8", (None, *size))
    return SignatureInput(name, "string", (None,))


class Reference(NamedTuple):
    """What the Trainer's in-memory model predicts.

    Attributes:
      images: uint8 [n, height, width].
      probabilities: float32 [n, classes].
    """

    images: np.ndarray
    probabilities: np.ndarray


def write_reference(directory: Path, reference: Reference) -> None:
    """Writes ``reference.npz`` into a folder that exists."""
    np.savez_compressed(directory / REFERENCE_FILE, **reference._asdict())


def read_reference(directory: Path) -> Reference:
    """Reads ``reference.npz``.

    Raises:
      FileNotFoundError: there is none.
    """
    with np.load(directory / REFERENCE_FILE) as arrays:
        return Reference(**arrays)


def build_request(signature: str, images: np.ndarray) -> dict[str, tf.Tensor]:
    """Encodes images as a signature takes them.

    Args:
      signature: a key of ``SIGNATURES``.
      images: uint8 [n, height, width]; n may be 0.

    Returns:
      The one keyword argument of the signature, n along its first axis.
    """
    if signature == "predict_pixels":
        value = tf.constant(images, tf.uint8)
    else:
        encode = _encode_example if signature == "serving_default" else _encode_png
        encoded = [encode(image) for image in images]
        value = tf.constant(encoded, tf.string, shape=[len(encoded)])
    return {SIGNATURES[signature]: value}


def incomplete_request() -> dict[str, tf.Tensor]:
    """Returns an example without its image, which no model can answer."""
    empty = tf.train.Example().SerializeToString()
    return {SIGNATURES["serving_default"]: tf.constant([empty])}


def mixed_request(images: np.ndarray) -> tuple[dict[str, tf.Tensor], np.ndarray]:
    """Encodes images with pictures among them that cannot be read.

    Args:
      images: uint8 [n, height, width].

    Returns:
      A request of ``predict_image``, and for each of its pictures the index of the
      image, int64; -1 where there is none to be read.
    """
    good = [_encode_png(image) for image in images]
    bad = [b"no picture", good[0][: len(good[0]) // 2], b""]
    encoded, rows = [], []
    for index, picture in enumerate(good):
        encoded += [bad[index % len(bad)], picture]
        rows += [-1, index]
    return {SIGNATURES["predict_image"]: tf.constant(encoded)}, np.array(rows)


def format_requests(images: np.ndarray) -> dict[str, dict[str, tf.Tensor]]:
    """Encodes images as clients do who have not MNIST's files: large and in colour.

    Args:
      images: uint8 [n, height, width].

    Returns:
      By name of the format a request of ``predict_image``.
    """
    name = SIGNATURES["predict_image"]
    return {
        "PNG": {name: tf.stack([tf.io.encode_png(i) for i in _enlarge(images, 560)])},
        "JPEG": {name: tf.stack([tf.io.encode_jpeg(i) for i in _enlarge(images, 280)])},
    }


def _enlarge(images: np.ndarray, side: int) -> np.ndarray:
    """Returns uint8 [n, h, w, 3], the longer side at least so many pixels."""
    times = -(-side // max(images.shape[1:3]))
    large = np.repeat(np.repeat(images, times, axis=1), times, axis=2)
    return np.repeat(large[..., None], 3, axis=3)


def _encode_example(image: np.ndarray) -> bytes:
    pixels = tf.train.Int64List(value=image.reshape(-1).tolist())
    features = tf.train.Features(feature={IMAGE: tf.train.Feature(int64_list=pixels)})
    return tf.train.Example(features=features).SerializeToString()


def _encode_png(image: np.ndarray) -> bytes:
    return tf.io.encode_png(image[:, :, None]).numpy()


def write_warmup_requests(export: Path, images: np.ndarray) -> None:
    """Writes what TensorFlow Serving replays before it takes traffic.

    One image and all of them, through each signature, as a TFRecord of
    ``PredictionLog``.

    Args:
      export: the SavedModel's folder.
      images: uint8 [n, height, width].
    """
    # The probe imports this module and needs no TensorFlow Serving.
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    file = export / WARMUP_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature in SIGNATURES:
            for batch in (images[:1], images):
                log = PredictionLog()
                request = log.predict_log.request
                request.model_spec.signature_name = signature
                for name, value in build_request(signature, batch).items():
                    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
                writer.write(log.SerializeToString(deterministic=True))
