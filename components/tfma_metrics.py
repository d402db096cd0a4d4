"""Accuracy and loss as the Evaluator computes them: TFMA metrics in NumPy.

They give what Keras's metrics of the same names give. TFMA runs those through
tf_keras, all of whose code AutoGraph rewrites first: a third of the Evaluator's time.
"""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    multi_class_confusion_matrices,
)
from tensorflow_model_analysis.proto import config_pb2

from components.metrics import ACCURACY, LOSS

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


# TFMA hands the parameters of these two over by name, those that it finds.
def _accuracy_computations(
    name: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    # A threshold of 0 counts the arg max of every example, however unsure.
    matrices = multi_class_confusion_matrices(
        thresholds=[0.0],
        eval_config=eval_config,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
    [matrix_key] = matrices[-1].keys
    key = matrix_key._replace(name=name)

    def result(metrics: dict[metric_types.MetricKey, Any]) -> metric_types.MetricsDict:
        cells = metrics[matrix_key][0.0]
        correct = sum(
            weight
            for (actual, predicted), weight in cells.items()
            if actual == predicted
        )
        return {key: np.divide(correct, sum(cells.values()))}

    return [*matrices, metric_types.DerivedMetricComputation([key], result)]


def _loss_computations(
    name: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    key = metric_types.MetricKey(
        name=name,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
    combiner = _CrossentropyCombiner(key, eval_config)
    return [metric_types.MetricComputation([key], None, combiner)]


class _CrossentropyCombiner(beam.CombineFn):
    """Sums the loss, one example after another."""

    def __init__(
        self, key: metric_types.MetricKey, eval_config: config_pb2.EvalConfig | None
    ) -> None:
        super().__init__()
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> _Sums:
        return 0.0, 0.0

    def add_input(
        self, accumulator: _Sums, element: metric_types.StandardMetricInputs
    ) -> _Sums:
        loss, total = accumulator
        examples = metric_util.to_label_prediction_example_weight(
            element,
            eval_config=self._eval_config,
            model_name=self._key.model_name,
            output_name=self._key.output_name,
            example_weighted=self._key.example_weighted,
            flatten=False,
        )
        for label, probabilities, weight in examples:
            probability = probabilities[int(label.item())]
            clipped = np.clip(probability, _EPSILON, 1 - _EPSILON)
            loss -= float(np.log(clipped)) * weight.item()
            total += weight.item()
        return loss, total

    def merge_accumulators(self, accumulators: Iterable[_Sums]) -> _Sums:
        losses, totals = zip(*accumulators, strict=True)
        return sum(losses), sum(totals)

    def extract_output(self, accumulator: _Sums) -> metric_types.MetricsDict:
        return {self._key: np.divide(*accumulator)}
