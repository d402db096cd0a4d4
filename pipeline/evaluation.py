"""What the Evaluator measures and demands: the TFMA ``EvalConfig``."""

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.features import LABEL, NUM_CLASSES
from components.gates import ModelGateSettings
from components.tfma_metrics import (
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
)

OVERALL = tfma.SlicingSpec()
EACH_DIGIT = tfma.SlicingSpec(feature_keys=[LABEL])
DIGITS = [
    tfma.SlicingSpec(feature_values={LABEL: str(digit)}) for digit in range(NUM_CLASSES)
]


def eval_config(settings: ModelGateSettings) -> tfma.EvalConfig:
    """Returns metrics overall and for each digit, and the bounds of the model gate.

    The metrics compare the raw integer label with the served probabilities, so
    that nothing between the record and the client goes unmeasured. Every digit has a
    bound of its own, so that one with no example is missed and fails.
    """
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                label_key=LABEL,
                prediction_key="probabilities",
            )
        ],
        slicing_specs=[OVERALL, EACH_DIGIT],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    _accuracy(settings),
                    _loss(settings),
                    tfma.MetricConfig(class_name="ExampleCount"),
                    _confusion_matrix(),
                ]
            )
        ],
    )


def _accuracy(settings: ModelGateSettings) -> tfma.MetricConfig:
    # A threshold without a slice would apply to every slice.
    overall = _at_least(settings.min_accuracy, settings.max_accuracy_drop)
    digit = _at_least(settings.min_digit_accuracy, settings.max_digit_accuracy_drop)
    return tfma.MetricConfig(
        class_name=SparseCategoricalAccuracy.__name__,
        module=SparseCategoricalAccuracy.__module__,
        per_slice_thresholds=[
            _threshold([OVERALL], overall),
            _threshold(DIGITS, digit),
        ],
    )


def _loss(settings: ModelGateSettings) -> tfma.MetricConfig:
    threshold = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(
            upper_bound={"value": settings.max_loss}
        )
    )
    return tfma.MetricConfig(
        class_name=SparseCategoricalCrossentropy.__name__,
        module=SparseCategoricalCrossentropy.__module__,
        per_slice_thresholds=[_threshold([OVERALL], threshold)],
    )


def _at_least(minimum: float, max_drop: float) -> tfma.MetricThreshold:
    return tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": minimum}),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -max_drop},
        ),
    )


def _threshold(slices: list[tfma.SlicingSpec], threshold: tfma.MetricThreshold):
    # Not among the names that every supported TFMA has at its top.
    return config_pb2.PerSliceMetricThreshold(slicing_specs=slices, threshold=threshold)


def _confusion_matrix() -> tfma.MetricConfig:
    # A threshold of 0 counts the arg max of every example, however unsure.
    return tfma.MetricConfig(
        class_name="MultiClassConfusionMatrixAtThresholds",
        config='{"thresholds": [0.0]}',
    )
