"""What the Evaluator computes: TFMA metrics in NumPy.

Accuracy and loss are what Keras's metrics of the same names give. TFMA runs those
through tf_keras, all of whose code AutoGraph rewrites first: a third of the Evaluator's
time. The confusion matrix is TFMA's own, and reads examples as the others do.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    multi_class_confusion_matrices,
)

from components.features import PROBABILITIES
from components.metrics import ACCURACY, CONFUSION_MATRIX, LOSS

_ONE = np.array(1.0)
# Keras keeps a probability this far away from 0 and 1.
_EPSILON = 1e-7
# The loss and the weight of the examples so far.
_Sums = tuple[float, float]


class SparseCategoricalAccuracy(metric_types.Metric):
    """Part of the examples whose most probable class is the label.

    It is read off the confusion matrix, which TFMA computes once for all metrics.
    """

    def __init__(self, name: str = ACCURACY) -> None:
        computations = metric_util.merge_per_key_computations(_accuracy_computations)
        super().__init__(computations, name=name)


class SparseCategoricalCrossentropy(metric_types.Metric):
    """Mean of -ln p over the examples, p being the probability of the label."""

    def __init__(self, name: str = LOSS) -> None:
        computations = metric_util.merge_per_key_computations(_loss_computations)
        super().__init__(computations, name=name)


class MultiClassConfusionMatrix(metric_types.Metric):
    """Examples by label and most probable class."""

    def __init__(self, name: str = CONFUSION_MATRIX) -> None:
        computations = metric_util.merge_per_key_computations(_matrix_computations)
        super().__init__(computations, name=name)


# TFMA hands the parameters of these three over by name, those that it finds.
def _accuracy_computations(
    name: str,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    def accuracy(matrices: Any) -> np.floating:
        cells = matrices[0.0]
        correct = sum(
            weight
            for (actual, predicted), weight in cells.items()
            if actual == predicted
        )
        return np.divide(correct, sum(cells.values()))

    return _derived(name, model_name, output_name, example_weighted, accuracy)


def _matrix_computations(
    name: str,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    return _derived(name, model_name, output_name, example_weighted, lambda it: it)


def _derived(
    name: str,
    model_name: str,
    output_name: str,
    example_weighted: bool,
    value: Callable[[Any], Any],
) -> metric_types.MetricComputations:
    """TFMA's confusion matrix, and a metric that is a function of it."""
    # A threshold of 0 counts the arg max of every example, however unsure.
    matrices = multi_class_confusion_matrices(
        thresholds=[0.0],
        extract_label_prediction_and_weight=_read_example,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
    [matrix_key] = matrices[-1].keys
    key = matrix_key._replace(name=name)

    def result(metrics: dict[metric_types.MetricKey, Any]) -> metric_types.MetricsDict:
        return {key: value(metrics[matrix_key])}

    return [*matrices, metric_types.DerivedMetricComputation([key], result)]


def _read_example(
    inputs: metric_types.StandardMetricInputs, model_name: str = "", **_: Any
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields label, probabilities and weight, once.

    TFMA's ``to_label_prediction_example_weight`` does so for every kind of label and
    prediction, and takes ten times as long.
    """
    label, answer = inputs[tfma.LABELS_KEY], inputs[tfma.PREDICTIONS_KEY]
    if model_name:
        answer = answer[model_name]
        if isinstance(label, Mapping):
            label = label[model_name]
    # TFMA takes a dictionary of one for its value.
    if isinstance(answer, Mapping):
        answer = answer[PROBABILITIES]
    yield label, answer, _ONE


def _loss_computations(
    name: str,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(
        name, model_name, output_name, example_weighted=example_weighted
    )
    combiner = _CrossentropyCombiner(key)
    return [metric_types.MetricComputation([key], None, combiner)]


class _CrossentropyCombiner(beam.CombineFn):
    """Sums the loss, one example after another."""

    def __init__(self, key: metric_types.MetricKey) -> None:
        super().__init__()
        self._key = key

    def create_accumulator(self) -> _Sums:
        return 0.0, 0.0

    def add_input(
        self, accumulator: _Sums, element: metric_types.StandardMetricInputs
    ) -> _Sums:
        loss, total = accumulator
        for label, probabilities, _ in _read_example(element, self._key.model_name):
            # Of NaN and a bound, both of these are NaN only in this order.
            probability = min(float(probabilities[label.item()]), 1 - _EPSILON)
            loss -= math.log(max(probability, _EPSILON))
            total += 1.0
        return loss, total

    def merge_accumulators(self, accumulators: Iterable[_Sums]) -> _Sums:
        losses, totals = zip(*accumulators, strict=True)
        return sum(losses), sum(totals)

    def extract_output(self, accumulator: _Sums) -> metric_types.MetricsDict:
        return {self._key: np.divide(*accumulator)}
