"""A pushed model, verified and loaded with plain TensorFlow, and what it answers.

``mnist-pipeline predict`` and ``evaluate`` call it; TFX is not needed here.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from components.errors import PipelineError, UsageError
from components.features import PROBABILITIES
from components.model_store import ModelStore
from components.plain_paths import plain_path
from pipeline.prediction_inputs import Picture

_SIGNATURE = "predict_pixels"


@attrs.frozen
class ServedModel:
    """One version, loaded.

    Attributes:
      path: its folder.
      version: its number.
      classes: the 10 names, in the order of the labels.
      loaded: what TensorFlow loaded.
    """

    path: Path
    version: int
    classes: Sequence[str]
    loaded: Any = attrs.field(repr=False)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the probabilities, float32 [n, 10], of images uint8 [n, 28, 28]."""
        signature = self.loaded.signatures[_SIGNATURE]
        return signature(pixels=tf.constant(pixels))[PROBABILITIES].numpy()


def load_served_model(store: ModelStore, version: int | None = None) -> ServedModel:
    """Verifies the files of a version by its manifest and loads it.

    Args:
      store: the published versions.
      version: one of them; the newest, which serves, unless given.

    Raises:
      UsageError: there is no such version, or none at all.
      PipelineError: its files are not as published, or TensorFlow cannot load them.
    """
    if version is None:
        version = _newest(store)
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
    return ServedModel(path, version, manifest.classes, loaded)


def _newest(store: ModelStore) -> int:
    versions = store.versions()
    if not versions:
        raise UsageError(
            f"Expected a published model in {store.base}. Received: none. "
            "'mnist-pipeline run' pushes one; --workspace names another place."
        )
    return versions[-1]


@attrs.frozen
class Prediction:
    """What the model says of a picture.

    Attributes:
      picture: as it was read.
      probabilities: float32 [10], or None where it could not be read.
    """

    picture: Picture
    probabilities: np.ndarray | None


def predict_batches(
    model: ServedModel, pictures: Iterator[Picture], size: int
) -> Iterator[list[Prediction]]:
    """Yields predictions in the order of the pictures, so many at a time.

    Args:
      model: asked once a batch.
      pictures: read as they are needed.
      size: the most pictures in memory.
    """
    while batch := list(islice(pictures, size)):
        read = [picture.pixels for picture in batch if picture.pixels is not None]
        answers = iter(model.predict(np.stack(read)) if read else ())
        yield [
            Prediction(one, None if one.pixels is None else next(answers))
            for one in batch
        ]
