"""What the Evaluator computes: TFMA metrics in NumPy, of many examples at a time.

TFMA's own: run those of Keras through tf_keras, all of whose code AutoGraph rewrites
first, and take one example after another.
Ours: count a batch into one confusion matrix and one sum of losses, which all metrics
are functions of. Names and values are those of Keras and TFMA.
Gains: most of the time of the node that is not the model's.
Go back when a metric is wanted that is no function of these sums, like AUC, or examples
have weights: ``nodes.stock=["Evaluator"]``.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    NO_PREDICTED_CLASS_ID,
    Matrices,
    MatrixEntryKey,
)

from components.evaluation.results import ACCURACY, CONFUSION_MATRIX, COUNT, LOSS

# Keras keeps a probability this far away from 0 and 1.
_EPSILON = 1e-7
# TFMA neither writes nor compares metrics whose names begin with one underscore.
_PRIVATE = "_confusion_and_loss"


class ConfusionAndLoss(NamedTuple):
    """What the metrics need to know of all examples so far.

    Attributes:
      matrix: examples by label and most probable class, int64
        [classes, classes + 1]. The last column counts those for which no class has a
        probability above 0.
      loss: sum of -ln p, p being the probability of the label.
    """

    matrix: np.ndarray
    loss: float


class SparseCategoricalAccuracy(metric_types.Metric):
    """Part of the examples whose most probable class is the label."""

    def __init__(self, name: str = ACCURACY) -> None:
        super().__init__(_computations_of(_accuracy), name=name)


class SparseCategoricalCrossentropy(metric_types.Metric):
    """Mean of -ln p over the examples, p being the probability of the label."""

    def __init__(self, name: str = LOSS) -> None:
        super().__init__(_computations_of(_mean_loss), name=name)


class NumberOfExamples(metric_types.Metric):
    """How many examples there are.

    Not called ExampleCount, for then TFMA would take its own of that name, which counts
    batches for examples.
    """

    def __init__(self, name: str = COUNT) -> None:
        super().__init__(_computations_of(_count), name=name)


class MultiClassConfusionMatrix(metric_types.Metric):
    """Examples by label and most probable class, as TFMA writes them."""

    def __init__(self, name: str = CONFUSION_MATRIX) -> None:
        super().__init__(_computations_of(_matrices), name=name)


def _accuracy(sums: ConfusionAndLoss) -> np.floating[Any]:
    return np.divide(np.trace(sums.matrix), sums.matrix.sum())


def _mean_loss(sums: ConfusionAndLoss) -> np.floating[Any]:
    return np.divide(sums.loss, sums.matrix.sum())


def _count(sums: ConfusionAndLoss) -> float:
    return float(sums.matrix.sum())


def _matrices(sums: ConfusionAndLoss) -> Matrices:
    cells = {}
    for label, column in np.argwhere(sums.matrix).tolist():
        predicted = column if column < len(sums.matrix) else NO_PREDICTED_CLASS_ID
        number = float(sums.matrix[label, column])
        cells[MatrixEntryKey(label, predicted)] = number
    # A threshold of 0 counts the arg max of every example, however unsure.
    return Matrices({0.0: cells})


def _computations_of(
    value: Callable[[ConfusionAndLoss], Any],
) -> Callable[..., metric_types.MetricComputations]:
    """How TFMA gets at a metric that is a function of the sums of one model."""

    # TFMA hands parameters over by name, those that it finds, and knows no **.
    def computations(
        name: str, model_name: str = ""
    ) -> metric_types.MetricComputations:
        key = metric_types.MetricKey(name, model_name)
        private = metric_types.MetricKey(_PRIVATE, model_name)

        def result(metrics: metric_types.MetricsDict) -> metric_types.MetricsDict:
            return {key: value(metrics[private])}

        return [
            # TFMA computes once what has the same combiner and key.
            metric_types.MetricComputation([private], None, _SumCombiner(private)),
            metric_types.DerivedMetricComputation([key], result),
        ]

    return metric_util.merge_per_key_computations(computations)


class _SumCombiner(beam.CombineFn):
    """Adds up labels int64 [n] and probabilities float32 [n, classes] by model."""

    def __init__(self, key: metric_types.MetricKey) -> None:
        super().__init__()
        self._key = key

    def create_accumulator(self) -> ConfusionAndLoss:
        # Adds to a matrix of any number of classes; the first batch tells it.
        return ConfusionAndLoss(np.zeros((1, 1), np.int64), 0.0)

    def add_input(
        self, accumulator: ConfusionAndLoss, element: metric_types.StandardMetricInputs
    ) -> ConfusionAndLoss:
        labels = element[tfma.LABELS_KEY]
        probabilities = element[tfma.PREDICTIONS_KEY][self._key.model_name]
        return _add(accumulator, count_predictions(labels, probabilities))

    def merge_accumulators(
        self, accumulators: Iterable[ConfusionAndLoss]
    ) -> ConfusionAndLoss:
        return reduce(_add, accumulators)

    def extract_output(self, accumulator: ConfusionAndLoss) -> metric_types.MetricsDict:
        return {self._key: accumulator}


def _add(one: ConfusionAndLoss, other: ConfusionAndLoss) -> ConfusionAndLoss:
    return ConfusionAndLoss(*map(add, one, other))


def count_predictions(
    labels: np.ndarray, probabilities: np.ndarray
) -> ConfusionAndLoss:
    """Counts a batch.

    Args:
      labels: int64 [n], classes, as DataGate demands it; above raise IndexError.
      probabilities: float [n, classes].
    """
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(1)
    predicted[probabilities.max(1) <= 0] = classes
    matrix = np.zeros((classes, classes + 1), np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    # NaN stays NaN.
    losses = -np.log(of_label.clip(_EPSILON, 1 - _EPSILON))
    return ConfusionAndLoss(matrix, float(losses.sum()))
