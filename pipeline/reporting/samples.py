"""Predictions of the trained model for a few test digits."""

from pathlib import Path

import attrs
import numpy as np
import tensorflow as tf

from components.examples import read_examples
from components.features import HEIGHT, TEST, WIDTH
from pipeline.lineage import RunLineage

SAMPLES = 16


@attrs.frozen
class Samples:
    """Test digits and what the exported model says of them.

    Attributes:
      images: uint8 [n, 784].
      labels: int64 [n].
      probabilities: float32 [n, 10].
    """

    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray


def predict_samples(lineage: RunLineage, count: int = SAMPLES) -> Samples | None:
    """Classifies the first test digits, or returns None where there is no model."""
    examples = lineage.output("ExampleGen", "examples")
    model = lineage.output("Trainer", "model")
    if examples is None or model is None:
        return None
    images, labels = read_examples([f"{examples.uri}/Split-{TEST}/*"], limit=count)
    exported = tf.saved_model.load(str(Path(model.uri) / "Format-Serving"))
    answer = exported.signatures["predict_pixels"](
        pixels=tf.constant(images.reshape(-1, HEIGHT, WIDTH))
    )
    return Samples(images, labels, answer["probabilities"].numpy())
