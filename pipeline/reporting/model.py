"""The model on the page: confusions, scores, calibration, images, weights."""

import re
from pathlib import Path

import attrs
import numpy as np
import tensorflow as tf
from markupsafe import Markup

from components.classes import describe_class
from components.evaluation.calibration import calibrate
from components.image_spec import ImageSpec
from components.plain_paths import plain_path
from pipeline.reporting import plots, thumbnails
from pipeline.reporting.predictions import (
    Predictions,
    confident_mistakes,
    first_of_each_class,
)
from pipeline.reporting.scores import ClassScores, class_scores, top_confusions
from pipeline.reporting.sources import Sources, UnavailableError

MISTAKES = 24
_CONFUSIONS = 5
_TILES, _TILE_COLUMNS = 64, 8


@attrs.frozen(eq=False)
class Scores:
    """How well each class is found.

    Attributes:
      matrix: plot of the confusion matrix.
      classes: scores of each class, in the order of the labels.
      confusions: of the most frequent confusions label, prediction and count.
    """

    matrix: Markup
    classes: list[ClassScores]
    confusions: list[tuple[str, str, int]]


@attrs.frozen(eq=False)
class Reliability:
    """Whether the model is as often right as it is sure.

    Attributes:
      error: expected calibration error, in [0, 1].
      bias: mean confidence minus accuracy, in [-1, 1].
      diagram: plot of accuracy by confidence.
    """

    error: float
    bias: float
    diagram: Markup


@attrs.frozen
class ShownImage:
    """A test image and what the model says of it.

    Attributes:
      index: which image of the test split, from 0.
      label: what it is.
      predicted: what the model takes it for.
      confidence: probability of the prediction.
      probabilities: of each class.
      image: data URI.
    """

    index: int
    label: int
    predicted: int
    confidence: float
    probabilities: list[float]
    image: str

    @property
    def likely(self) -> list[tuple[int, float]]:
        """The three most probable labels with their probabilities."""
        ranked = sorted(enumerate(self.probabilities), key=lambda item: -item[1])
        return ranked[:3]


@attrs.frozen
class Weights:
    """The first layer's weights.

    Attributes:
      units: how many the layer has.
      shown: how many are shown.
      image: data URI.
    """

    units: int
    shown: int
    image: str


def scores(sources: Sources) -> Scores:
    """Returns the confusion matrix and what follows from it."""
    matrix = sources.evaluation.confusion_matrix()
    if not matrix.sum():
        raise UnavailableError("Nothing to show: the Evaluator counted no confusions.")
    confusions = [
        (_name(sources, found.label), _name(sources, found.predicted), found.count)
        for found in top_confusions(matrix, _CONFUSIONS)
    ]
    words = "; ".join(f"{a} taken for {b}: {count}" for a, b, count in confusions)
    label = (
        f"Confusion matrix of {matrix.sum():,} test images, {matrix.trace():,} right. "
        f"Most frequent mistakes: {words or 'none'}"
    )
    return Scores(
        plots.confusion_matrix(matrix, sources.classes, label),
        class_scores(matrix),
        confusions,
    )


def reliability(sources: Sources) -> Reliability:
    """Returns the reliability diagram and the expected calibration error."""
    predictions = sources.predictions
    found = calibrate(predictions.confidence, predictions.correct)
    label = (
        f"Reliability diagram in {len(found.counts)} bins of confidence; expected "
        f"calibration error {100 * found.error:.2f} %"
    )
    return Reliability(found.error, found.bias, plots.reliability(found, label))


def mistakes(sources: Sources) -> tuple[list[ShownImage], int]:
    """Returns the most confident mistakes, and how many mistakes there are."""
    predictions = sources.predictions
    shown = confident_mistakes(predictions, MISTAKES)
    return _shown_images(predictions, shown), int((~predictions.correct).sum())


def sample_predictions(sources: Sources) -> list[ShownImage]:
    """Returns the first test image of each class."""
    predictions = sources.predictions
    return _shown_images(predictions, first_of_each_class(predictions))


def _shown_images(predictions: Predictions, indices: np.ndarray) -> list[ShownImage]:
    predicted = predictions.predicted
    return [
        ShownImage(
            index=int(index),
            label=int(predictions.labels[index]),
            predicted=int(predicted[index]),
            confidence=float(predictions.probabilities[index].max()),
            probabilities=predictions.probabilities[index].tolist(),
            image=thumbnails.one(predictions.images[index]),
        )
        for index in indices
    ]


def _name(sources: Sources, label: int) -> str:
    return describe_class(int(label), sources.classes)


def weights(sources: Sources) -> Weights:
    """Returns the first layer's weights as images, the strongest units first."""
    export, spec = sources.folder("Trainer", "model") / "Format-Serving", sources.spec
    kernel = read_first_kernel(export, spec)
    order = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:_TILES]
    image = thumbnails.weights(kernel.T[order].reshape(-1, *spec.size), _TILE_COLUMNS)
    return Weights(kernel.shape[1], len(order), image)


def read_first_kernel(export: Path, spec: ImageSpec) -> np.ndarray:
    """Returns the weights from the pixels to the first layer, float32 [pixels, units].

    Args:
      export: the SavedModel's folder.
      spec: size of its input.

    Raises:
      UnavailableError: no variable looks like it.
    """
    with plain_path(export / "variables") as folder:
        reader = tf.train.load_checkpoint(f"{folder}/variables")
        shapes = reader.get_variable_to_shape_map()
        names = [
            name
            for name, shape in shapes.items()
            if len(shape) == 2 and shape[0] == spec.pixels and "optimizer" not in name
        ]
        if not names:
            raise UnavailableError(
                "Not shown: the model has no dense layer on the pixels."
            )
        return reader.get_tensor(min(names, key=_by_numbers))


def _by_numbers(name: str) -> list[int]:
    """Orders layers as the checkpoint numbers them, the tenth after the second."""
    return [int(number) for number in re.findall(r"\d+", name)]
