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


def eval_config(settings: ModelGateSettings, classes: int) -> config_pb2.EvalConfig:
    """Returns metrics overall and for each class, and the bounds of the model gate.

    The metrics compare the raw integer label with the served probabilities, so
    that nothing between the record and the client goes unmeasured. Every class has a
    bound of its own, so that one with no example is missed and fails.

    Args:
      settings: the bounds.
      classes: how many there are.
    """
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
                    _accuracy(settings, classes),
                    _loss(settings),
                    config_pb2.MetricConfig(**_place(NumberOfExamples)),
                    config_pb2.MetricConfig(**_place(MultiClassConfusionMatrix)),
                ]
            )
        ],
    )


def _accuracy(settings: ModelGateSettings, classes: int) -> config_pb2.MetricConfig:
    # A threshold without a slice would apply to every slice.
    overall = _at_least(settings.min_accuracy, settings.max_accuracy_drop)
    each = _at_least(settings.min_digit_accuracy, settings.max_digit_accuracy_drop)
    slices = [
        config_pb2.SlicingSpec(feature_values={LABEL: str(label)})
        for label in range(classes)
    ]
    return config_pb2.MetricConfig(
        **_place(SparseCategoricalAccuracy),
        per_slice_thresholds=[
            _threshold([OVERALL], overall),
            _threshold(slices, each),
        ],
    )


def _loss(settings: ModelGateSettings) -> config_pb2.MetricConfig:
    threshold = config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            upper_bound={"value": settings.max_loss}
        )
    )
    return config_pb2.MetricConfig(
        **_place(SparseCategoricalCrossentropy),
        per_slice_thresholds=[_threshold([OVERALL], threshold)],
    )


def _place(metric: type[Metric]) -> dict[str, str]:
    """Where TFMA finds a metric."""
    return {"class_name": metric.__name__, "module": metric.__module__}


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
