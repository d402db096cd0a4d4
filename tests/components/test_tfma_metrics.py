"""Accuracy and loss in NumPy: what Keras's metrics of the same names give."""

import keras
import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types

from components.metrics import ACCURACY, LOSS
from components.tfma_metrics import (
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
)

COUNT = 60


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 10, COUNT)


@pytest.fixture(scope="module")
def probabilities(labels: np.ndarray) -> np.ndarray:
    """Right for about half of the examples."""
    logits = np.random.default_rng(1).normal(size=(COUNT, 10))
    logits[np.arange(COUNT), labels] += 1.5
    exponentials = np.exp(logits)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def computed(
    metric: metric_types.Metric,
    labels: np.ndarray,
    probabilities: np.ndarray,
    bundles: int = 1,
) -> float:
    """Adds the examples in bundles, merges those, and derives the metric."""
    found = {}
    for computation in metric.computations():
        if isinstance(computation, metric_types.DerivedMetricComputation):
            found |= computation.result(found)
            continue
        combiner = computation.combiner
        parts = []
        for rows in np.array_split(np.arange(len(labels)), bundles):
            part = combiner.create_accumulator()
            for row in rows:
                inputs = metric_types.StandardMetricInputs(
                    labels=labels[row : row + 1], predictions=probabilities[row]
                )
                part = combiner.add_input(part, inputs)
            parts.append(part)
        found |= combiner.extract_output(combiner.merge_accumulators(parts))
    [value] = [value for key, value in found.items() if key.name == metric.name]
    return float(value)


@pytest.mark.parametrize("bundles", [1, 7])
def test_the_accuracy_is_that_of_keras(labels, probabilities, bundles) -> None:
    expected = keras.metrics.SparseCategoricalAccuracy()
    expected.update_state(labels, probabilities)

    value = computed(SparseCategoricalAccuracy(), labels, probabilities, bundles)

    assert 0.3 < value < 0.8
    assert value == pytest.approx(float(expected.result()), abs=1e-7)


@pytest.mark.parametrize("bundles", [1, 7])
def test_the_loss_is_that_of_keras(labels, probabilities, bundles) -> None:
    expected = keras.metrics.SparseCategoricalCrossentropy()
    expected.update_state(labels, probabilities)

    value = computed(SparseCategoricalCrossentropy(), labels, probabilities, bundles)

    assert value == pytest.approx(float(expected.result()), rel=1e-5)


def test_a_probability_of_none_is_a_finite_loss_as_in_keras() -> None:
    one, wrong = np.array([3]), np.eye(10, dtype=np.float32)[[4]]
    expected = keras.metrics.SparseCategoricalCrossentropy()
    expected.update_state(one, wrong)

    value = computed(SparseCategoricalCrossentropy(), one, wrong)

    assert value == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert value == pytest.approx(float(expected.result()), rel=1e-3)


def test_predictions_that_are_no_numbers_are_no_loss() -> None:
    value = computed(
        SparseCategoricalCrossentropy(), np.array([3]), np.full((1, 10), np.nan)
    )

    assert np.isnan(value)


def test_the_names_are_those_that_the_gate_reads() -> None:
    assert SparseCategoricalAccuracy().name == ACCURACY
    assert SparseCategoricalCrossentropy().name == LOSS
