"""What the Evaluator measures and demands: the TFMA ``EvalConfig``."""

from tensorflow_model_analysis.metrics.metric_types import Metric
from tensorflow_model_analysis.proto import config_pb2

from components.evaluation.metrics import (
    MultiClassConfusionMatrix,
    NumberOfExamples,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
)
from components.features import LABEL, PROBABILITIES
from components.gate_settings import ModelGateSettings

# Newer TFMA has these protos at its top only once TFX has put them there.
OVERALL = config_pb2.SlicingSpec()
EACH_CLASS = config_pb2.SlicingSpec(feature_keys=[LABEL])


# TFMA's and Keras's own, of the same names and values.
_STOCK = {
    SparseCategoricalAccuracy: {"class_name": "SparseCategoricalAccuracy"},
    SparseCategoricalCrossentropy: {"class_name": "SparseCategoricalCrossentropy"},
    NumberOfExamples: {"class_name": "ExampleCount"},
    MultiClassConfusionMatrix: {
        "class_name": "MultiClassConfusionMatrixAtThresholds",
        # However unsure, the most probable class counts.
        "config": '{"thresholds": [0.0]}',
    },
}


def eval_config(
    settings: ModelGateSettings, classes: int, stock: bool = False
) -> config_pb2.EvalConfig:
    """Returns metrics overall and for each class, and the bounds of the model gate.

    The metrics compare the raw integer label with the served probabilities, so
    that nothing between the record and the client goes unmeasured. Every class has a
    bound of its own, so that one with no example is missed and fails.

    Args:
      settings: the bounds.
      classes: how many there are.
      stock: take the metrics of TFMA and Keras, which TFMA's own extractors need.
    """
    bounds = {
        SparseCategoricalAccuracy: _accuracy_bounds(settings, classes),
        SparseCategoricalCrossentropy: _loss_bounds(settings),
    }
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                signature_name="serving_default",
                label_key=LABEL,
                prediction_key=PROBABILITIES,
            )
        ],
        slicing_specs=[OVERALL, EACH_CLASS],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    config_pb2.MetricConfig(
                        **(their_place if stock else _place(metric)),
                        per_slice_thresholds=bounds.get(metric),
                    )
                    for metric, their_place in _STOCK.items()
                ]
            )
        ],
    )


def _place(metric: type[Metric]) -> dict[str, str]:
    """Where TFMA finds a metric of ours."""
    return {"class_name": metric.__name__, "module": metric.__module__}


def _accuracy_bounds(
    settings: ModelGateSettings, classes: int
) -> list[config_pb2.PerSliceMetricThreshold]:
    # A threshold without a slice would apply to every slice.
    overall = _at_least(settings.min_accuracy, settings.max_accuracy_drop)
    each = _at_least(settings.min_digit_accuracy, settings.max_digit_accuracy_drop)
    slices = [
        config_pb2.SlicingSpec(feature_values={LABEL: str(label)})
        for label in range(classes)
    ]
    return [_threshold([OVERALL], overall), _threshold(slices, each)]


def _loss_bounds(
    settings: ModelGateSettings,
) -> list[config_pb2.PerSliceMetricThreshold]:
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            upper_bound={"value": settings.max_loss}
        )
    )
    return [_threshold([OVERALL], threshold)]


def _at_least(minimum: float, max_drop: float) -> config_pb2.MetricThreshold:
    return config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            lower_bound={"value": minimum}
        ),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -max_drop},
        ),
    )


def _threshold(
    slices: list[config_pb2.SlicingSpec], threshold: config_pb2.MetricThreshold
) -> config_pb2.PerSliceMetricThreshold:
    return config_pb2.PerSliceMetricThreshold(slicing_specs=slices, threshold=threshold)
