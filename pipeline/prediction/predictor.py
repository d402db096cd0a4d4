"""A pushed model, verified and loaded with plain TensorFlow, and its predictions.

``mnist-pipeline predict`` and ``evaluate`` call it; TFX is not needed here.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from components.classes import DIGITS
from components.errors import PipelineError
from components.features import PROBABILITIES, UNKNOWN
from components.image_spec import ImageSpec
from components.pictures.facts import AS_MNIST, PictureFacts, read_facts
from components.pictures.trust import UNLIKE, UNSURE, Bounds
from components.plain_paths import plain_path
from components.publishing.store import ModelStore
from pipeline.prediction.inputs import Picture

_SIGNATURE = "predict_pixels"


@attrs.frozen
class ServedModel:
    """One version, loaded.

    Attributes:
      path: its folder.
      version: its number.
      classes: the names, in the order of the labels.
      loaded: what TensorFlow loaded.
      pictures: how it takes pictures.
      bounds: from which on predictions are trusted; None where none were measured.
    """

    path: Path
    version: int
    classes: Sequence[str]
    loaded: Any = attrs.field(repr=False)
    pictures: PictureFacts = AS_MNIST
    bounds: Bounds | None = None

    @property
    def spec(self) -> ImageSpec:
        """Size of its input and number of its classes."""
        return self.pictures.spec

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Returns probabilities, float32 [n, classes], of images uint8 [n, h, w]."""
        signature = self.loaded.signatures[_SIGNATURE]
        return signature(pixels=tf.constant(pixels))[PROBABILITIES].numpy()

    def judge(self, probabilities: np.ndarray, pixels: np.ndarray) -> list[str]:
        """Says of each prediction whether to trust it, by ``pictures.trust``."""
        if self.bounds is None:
            return [UNKNOWN] * len(pixels)
        state = self.loaded.judge(tf.constant(probabilities), tf.constant(pixels))
        return [name.decode() for name in state.numpy()]


def load_served_model(store: ModelStore, version: int | None = None) -> ServedModel:
    """Verifies the files of a version by its manifest and loads it.

    Args:
      store: the published versions.
      version: one of them; the newest, which serves, unless given.

    Raises:
      UsageError: there is no such version, or none at all.
      PipelineError: its files are not as published, or TensorFlow cannot load them.
    """
    version = version or store.published()[-1]
    manifest = store.manifest(version)
    path = store.path(version)
    store.require_whole(version)
    try:
        with plain_path(path) as folder:
            loaded = tf.saved_model.load(folder)
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise PipelineError(
            f"Expected a model that TensorFlow {tf.__version__} can load in {path}. "
            f"Received: {error}. Name another version with --model."
        ) from error
    if _SIGNATURE not in loaded.signatures:
        raise PipelineError(
            f"Expected the signature {_SIGNATURE} in {path}. Received: "
            f"{', '.join(loaded.signatures) or 'none'}. Name another version with "
            "--model, or push a model again."
        )
    # Those that were pushed without them: digits were taken for what is in pictures.
    old = PictureFacts("ink" if manifest.classes == DIGITS else "page", "black"), None
    facts, bounds = read_facts(path) or old
    return ServedModel(path, version, manifest.classes, loaded, facts, bounds)


@attrs.frozen
class Prediction:
    """What the model says of a picture.

    Attributes:
      picture: as it was read.
      probabilities: float32 [classes], or None where it was not asked.
      trust: ``sure``, ``unsure``, ``unlike`` or ``unknown``; empty likewise.
    """

    picture: Picture
    probabilities: np.ndarray | None
    trust: str = ""

    @property
    def unsure(self) -> bool:
        """Whether the prediction is not to be trusted."""
        return self.trust in (UNSURE, UNLIKE)


def predict_batches(
    model: ServedModel, pictures: Iterator[Picture], size: int
) -> Iterator[list[Prediction]]:
    """Yields predictions in the order of the pictures, a batch at a time.

    Args:
      model: asked once a batch.
      pictures: read as they are needed.
      size: the most pictures in memory.
    """
    while batch := list(islice(pictures, size)):
        asked = [one for one in batch if one.seen and one.seen.state == "read"]
        answers = iter(_ask(model, asked) if asked else ())
        yield [
            next(answers)
            if one.seen and one.seen.state == "read"
            else Prediction(one, None)
            for one in batch
        ]


def _ask(model: ServedModel, pictures: Sequence[Picture]) -> Iterator[Prediction]:
    pixels = np.stack([one.seen.pixels for one in pictures if one.seen])
    probabilities = model.predict(pixels)
    trust = model.judge(probabilities, pixels)
    return map(Prediction, pictures, probabilities, trust)
