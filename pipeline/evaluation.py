"""What the Evaluator measures and demands: the TFMA ``EvalConfig``."""

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.features import LABEL
from pipeline.config import EvaluationSettings


def eval_config(settings: EvaluationSettings) -> tfma.EvalConfig:
    """Returns metrics overall and for each digit, and the bounds of the gate.

    Sparse metrics compare the raw integer label with the served probabilities, so
    that nothing between the record and the client goes unmeasured.
    """
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                label_key=LABEL,
                prediction_key="probabilities",
            )
        ],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=[LABEL])],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    _accuracy(settings.min_accuracy),
                    tfma.MetricConfig(class_name="SparseCategoricalCrossentropy"),
                    tfma.MetricConfig(class_name="ExampleCount"),
                    _confusion_matrix(),
                ]
            )
        ],
    )


def _accuracy(minimum: float) -> tfma.MetricConfig:
    # A threshold without a slice would apply to every digit as well.
    return tfma.MetricConfig(
        class_name="SparseCategoricalAccuracy",
        per_slice_thresholds=[
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[tfma.SlicingSpec()],
                threshold=tfma.MetricThreshold(
                    value_threshold=tfma.GenericValueThreshold(
                        lower_bound={"value": minimum}
                    )
                ),
            )
        ],
    )


def _confusion_matrix() -> tfma.MetricConfig:
    # A threshold of 0 counts the arg max of every example, however unsure.
    return tfma.MetricConfig(
        class_name="MultiClassConfusionMatrixAtThresholds",
        config='{"thresholds": [0.0]}',
    )
