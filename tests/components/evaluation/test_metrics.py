"""Metrics in NumPy: what Keras's and TFMA's own of the same names give."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.metrics.example_count import (
    ExampleCount as TfmaExampleCount,
)
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    NO_PREDICTED_CLASS_ID,
    MultiClassConfusionMatrixAtThresholds,
)

from components.evaluation.metrics import (
    MultiClassConfusionMatrix,
    NumberOfExamples,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
)
from components.evaluation.results import ACCURACY, COUNT, LOSS

COUNT_OF_ALL = 60


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 10, COUNT_OF_ALL)


@pytest.fixture(scope="module")
def probabilities(labels: np.ndarray) -> np.ndarray:
    """Right for about half of the examples."""
    logits = np.random.default_rng(1).normal(size=(COUNT_OF_ALL, 10))
    logits[np.arange(COUNT_OF_ALL), labels] += 1.5
    exponentials = np.exp(logits)
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def inputs_of(
    labels: np.ndarray, probabilities: np.ndarray, batches: int = 1
) -> list[metric_types.StandardMetricInputs]:
    """What the extractors say about a single model, in batches."""
    return [
        metric_types.StandardMetricInputs(
            labels=labels[rows], predictions={"": probabilities[rows]}
        )
        for rows in np.array_split(np.arange(len(labels)), batches)
    ]


def computed(
    metric: metric_types.Metric,
    labels: np.ndarray,
    probabilities: np.ndarray,
    bundles: int = 1,
) -> Any:
    """Computes a metric of one model."""
    inputs = inputs_of(labels, probabilities, 9)
    [(key, value)] = found_by(metric, inputs, bundles).items()
    assert key.model_name == ""
    return value


def found_by(
    metric: metric_types.Metric,
    inputs: Sequence[metric_types.StandardMetricInputs],
    bundles: int = 1,
    **settings: Any,
) -> dict[metric_types.MetricKey, Any]:
    """Adds the batches in bundles, merges those, and derives the metric."""
    found = {}
    for computation in metric.computations(**settings):
        if isinstance(computation, metric_types.DerivedMetricComputation):
            found |= computation.result(found)
            continue
        combiner = computation.combiner
        parts = []
        for rows in np.array_split(np.arange(len(inputs)), bundles):
            part = combiner.create_accumulator()
            for row in rows:
                part = combiner.add_input(part, inputs[row])
            parts.append(part)
        found |= combiner.extract_output(combiner.merge_accumulators(parts))
    return {key: found[key] for key in found if key.name == metric.name}


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


@pytest.mark.parametrize("bundles", [1, 7])
def test_the_confusion_matrix_counts_every_example_however_unsure(
    labels, probabilities, bundles
) -> None:
    unsure = 0.2 * probabilities + 0.08
    assert unsure.max() < 0.3

    matrix = computed(MultiClassConfusionMatrix(), labels, unsure, bundles)

    cells = {(int(a), int(p)): count for (a, p), count in matrix[0.0].items()}
    expected = Counter(
        zip(labels.tolist(), probabilities.argmax(1).tolist(), strict=True)
    )
    assert len(expected) > 20
    assert cells == expected


@pytest.mark.parametrize("bundles", [1, 7])
def test_all_examples_are_counted(labels, probabilities, bundles) -> None:
    assert computed(NumberOfExamples(), labels, probabilities, bundles) == COUNT_OF_ALL


def test_an_answer_without_any_probability_is_no_class() -> None:
    matrix = computed(
        MultiClassConfusionMatrix(), np.array([3, 3]), np.zeros((2, 10), np.float32)
    )

    assert matrix == {0.0: {(3, NO_PREDICTED_CLASS_ID): 2.0}}


def test_the_names_are_those_of_tfma() -> None:
    assert NumberOfExamples().name == TfmaExampleCount().name == COUNT


def test_the_confusion_matrix_is_called_what_tfma_calls_its_own() -> None:
    assert MultiClassConfusionMatrix().name == (
        MultiClassConfusionMatrixAtThresholds().name
    )


def test_the_metrics_of_a_model_read_its_examples_once() -> None:
    """TFMA computes once what has the same combiner and key."""
    first, *others = (
        metric().computations(model_names=["candidate"])[0]
        for metric in (
            SparseCategoricalAccuracy,
            SparseCategoricalCrossentropy,
            NumberOfExamples,
            MultiClassConfusionMatrix,
        )
    )

    assert others == [first] * 3
    assert {hash(one) for one in others} == {hash(first)}


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


@pytest.mark.parametrize(
    ("metric", "of_candidate", "of_baseline"),
    [
        (SparseCategoricalAccuracy(), 1.0, 0.0),
        (SparseCategoricalCrossentropy(), -np.log(0.8), -np.log(0.2)),
    ],
    ids=["accuracy", "loss"],
)
def test_two_models_are_told_apart(metric, of_candidate, of_baseline) -> None:
    """As the Evaluator asks where there is a baseline."""
    inputs = metric_types.StandardMetricInputs(
        labels=np.array([0]),
        predictions={
            "candidate": np.array([[0.8, 0.2]]),
            "baseline": np.array([[0.2, 0.8]]),
        },
    )

    found = found_by(metric, [inputs], model_names=["candidate", "baseline"])

    assert {key.model_name: value for key, value in found.items()} == {
        "candidate": pytest.approx(of_candidate),
        "baseline": pytest.approx(of_baseline),
    }


def test_the_names_are_those_that_the_gate_reads() -> None:
    assert SparseCategoricalAccuracy().name == ACCURACY
    assert SparseCategoricalCrossentropy().name == LOSS


@pytest.mark.parametrize("classes", [2, 4, 12])
def test_the_batches_say_how_many_classes_there_are(classes: int) -> None:
    labels = np.arange(40) % classes
    probabilities = np.eye(classes, dtype=np.float32)[
        (labels + (labels == 1)) % classes
    ]

    matrix = computed(MultiClassConfusionMatrix(), labels, probabilities, bundles=3)

    found = {(key.actual_class_id, key.predicted_class_id) for key in matrix[0.0]}
    wrong = (1, 2 % classes)
    assert found == {(i, i) for i in range(classes) if i != 1} | {wrong}
    accuracy = computed(SparseCategoricalAccuracy(), labels, probabilities)
    assert accuracy == 1 - np.mean(labels == 1)
