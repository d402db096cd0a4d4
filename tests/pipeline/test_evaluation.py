"""The EvalConfig: what is measured, on which slices, and which bound it must keep."""

import pytest
from tensorflow_model_analysis.proto import config_pb2

from pipeline.config import load_config
from pipeline.evaluation import eval_config

# An empty SlicingSpec is the slice of everything.
OVERALL = config_pb2.SlicingSpec()


def config_for(bound: float = 0.75) -> config_pb2.EvalConfig:
    config = load_config(overrides=[f"evaluation.min_accuracy={bound}"])
    return eval_config(config.evaluation, 10)


@pytest.fixture
def config() -> config_pb2.EvalConfig:
    return config_for()


def metric(config: config_pb2.EvalConfig, name: str) -> config_pb2.MetricConfig:
    [found] = [m for m in config.metrics_specs[0].metrics if m.class_name == name]
    return found


def test_the_model_is_called_as_clients_call_it(config: config_pb2.EvalConfig) -> None:
    [spec] = config.model_specs

    assert spec.signature_name == "serving_default"
    assert spec.prediction_key == "probabilities"
    assert spec.label_key == "label"


def test_everything_is_measured_overall_and_for_each_digit(config) -> None:
    assert list(config.slicing_specs) == [
        OVERALL,
        config_pb2.SlicingSpec(feature_keys=["label"]),
    ]


def test_sparse_metrics_take_the_raw_integer_label(
    config: config_pb2.EvalConfig,
) -> None:
    [spec] = config.metrics_specs

    assert {metric.class_name for metric in spec.metrics} == {
        "SparseCategoricalAccuracy",
        "SparseCategoricalCrossentropy",
        "NumberOfExamples",
        "MultiClassConfusionMatrix",
    }


@pytest.mark.parametrize("bound", [0.0, 0.75, 0.985])
def test_min_accuracy_is_a_lower_bound_on_the_overall_slice_alone(bound) -> None:
    limits = metric(config_for(bound), "SparseCategoricalAccuracy").per_slice_thresholds
    [overall] = [limit for limit in limits if OVERALL in limit.slicing_specs]

    assert list(overall.slicing_specs) == [OVERALL]
    assert overall.threshold.value_threshold.lower_bound.value == bound
    assert not overall.threshold.value_threshold.HasField("upper_bound")


def test_no_bound_is_without_a_slice(config: config_pb2.EvalConfig) -> None:
    """Such a bound would apply to every slice."""
    [spec] = config.metrics_specs

    assert not spec.thresholds
    for metric in spec.metrics:
        assert not metric.HasField("threshold")
        for limit in metric.per_slice_thresholds:
            assert limit.slicing_specs
