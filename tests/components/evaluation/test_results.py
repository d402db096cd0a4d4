"""Reads what TFMA wrote: one evaluation that TFMA made, and others spelled out."""

from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.model_eval_lib import ExtractEvaluateAndWriteResults
from tensorflow_model_analysis.extractors.slice_key_extractor import SliceKeyExtractor
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from components.evaluation.results import (
    ACCURACY,
    BASELINE,
    CANDIDATE,
    CONFUSION_MATRIX,
    LOSS,
    EvaluationMetrics,
)
from components.features import LABEL
from pipeline.config import load_config
from pipeline.evaluation import eval_config
from tests.typed_beam import TYPED_BEAM_ARGS

# (label, what the model says, how sure it is); there is no 9.
PREDICTIONS = [
    *[(0, 0, 0.91), (0, 0, 0.55), (0, 6, 0.55), (0, 0, 0.19)],
    *[(digit, digit, 0.91) for digit in range(1, 8)],
    *[(8, 3, 0.91), (8, 5, 0.91)],
]


def probabilities(predicted: int, sure: float) -> list[float]:
    """The rest is spread evenly, so that 0.19 is the most probable still."""
    row = np.full(10, (1 - sure) / 9)
    row[predicted] = sure
    return row.tolist()


def extracts(label: int, predicted: int, sure: float) -> dict[str, Any]:
    """What our extractors say of one example, but for its slices."""
    return {
        tfma.FEATURES_KEY: {LABEL: np.array([label])},
        tfma.LABELS_KEY: np.array([label]),
        tfma.PREDICTIONS_KEY: {"": np.array([probabilities(predicted, sure)])},
    }


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> EvaluationMetrics:
    """PREDICTIONS, measured by TFMA as our EvalConfig says."""
    folder = tmp_path_factory.mktemp("evaluated")
    # As the Evaluator does where there is no baseline: drops bounds on changes.
    config = tfma.utils.update_eval_config_with_defaults(
        eval_config(load_config().evaluation, 10), has_baseline=False, rubber_stamp=True
    )
    with beam.Pipeline(argv=TYPED_BEAM_ARGS) as pipeline:
        _ = (
            pipeline
            | beam.Create([extracts(*prediction) for prediction in PREDICTIONS])
            | ExtractEvaluateAndWriteResults(
                eval_config=config,
                extractors=[SliceKeyExtractor(eval_config=config, materialize=False)],
                output_path=str(folder / "evaluation"),
            )
        )
    return EvaluationMetrics(str(folder / "evaluation"), 10)


def test_accuracy_overall_and_of_each_digit(evaluated: EvaluationMetrics) -> None:
    metrics = evaluated.as_dict()

    assert metrics["accuracy"] == pytest.approx(10 / 13)
    assert metrics["per_class"] == {
        "0": pytest.approx(3 / 4),
        **{str(digit): 1.0 for digit in range(1, 8)},
        "8": 0.0,
        "9": None,
    }


def test_loss_is_the_mean_cross_entropy_in_nats(evaluated: EvaluationMetrics) -> None:
    losses = [-np.log(probabilities(p, sure)[label]) for label, p, sure in PREDICTIONS]

    assert evaluated.as_dict()["loss"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_confusion_matrix_counts_what_was_said_of_each_digit(
    evaluated: EvaluationMetrics,
) -> None:
    expected = np.zeros((10, 10), np.int64)
    for label, predicted, _ in PREDICTIONS:
        expected[label, predicted] += 1
    matrix = evaluated.confusion_matrix()

    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, expected)


def test_the_reasons_of_tfma_to_refuse_are_told_by_metric_and_slice(
    evaluated: EvaluationMetrics,
) -> None:
    *failures, missing = evaluated.refusals()

    names = [failure.rpartition(": ")[0] for failure in failures]
    assert sorted(names) == [
        f"{ACCURACY}, class 0",
        f"{ACCURACY}, class 8",
        f"{ACCURACY}, overall",
        f"{LOSS}, overall",
    ]
    assert f"{ACCURACY}, class 8: 0.0" in failures
    assert missing == "no example of {'label': '9'}"


def test_one_model_alone_has_no_baseline(evaluated: EvaluationMetrics) -> None:
    assert evaluated.as_dict(BASELINE) is None
    assert evaluated.scalar(BASELINE, None, ACCURACY) is None
    assert evaluated.change(None, ACCURACY) is None


def test_asking_for_a_baseline_does_not_make_one(evaluation) -> None:
    metrics = evaluation({"": {("", False): {ACCURACY: 0.5}}})

    assert metrics.scalar(BASELINE, None, ACCURACY) is None
    assert metrics.change(None, ACCURACY) is None
    assert metrics.confusion_matrix(BASELINE).sum() == 0
    assert metrics.as_dict(BASELINE) is None


# slice key → {(model, is a change): {metric: value}}
Spelled = dict[str, dict[tuple[str, bool], dict[str, float | None]]]


@pytest.fixture
def evaluation(tmp_path: Path):
    """Writes an evaluation and reads it; a slice is a digit, or "" for all."""

    def make(spelled: Spelled) -> EvaluationMetrics:
        path = str(tmp_path / "metrics-00000-of-00001.tfrecord")
        with tf.io.TFRecordWriter(path) as writer:
            for digit, models in spelled.items():
                writer.write(row(digit, models).SerializeToString())
        return EvaluationMetrics(str(tmp_path), 10)

    return make


def row(digit: str, models: dict) -> metrics_for_slice_pb2.MetricsForSlice:
    message = metrics_for_slice_pb2.MetricsForSlice()
    if digit:
        message.slice_key.single_slice_keys.add(column="label", int64_value=int(digit))
    for (model, is_diff), metrics in models.items():
        for name, value in metrics.items():
            item = message.metric_keys_and_values.add()
            item.key.name, item.key.model_name, item.key.is_diff = name, model, is_diff
            if value is not None:
                item.value.double_value.value = value
    return message


def test_candidate_baseline_and_change_are_told_apart(evaluation) -> None:
    metrics = evaluation(
        {
            "": {
                (CANDIDATE, False): {ACCURACY: 0.75, LOSS: 0.5},
                (BASELINE, False): {ACCURACY: 0.875, LOSS: 0.25},
                (CANDIDATE, True): {ACCURACY: -0.125},
            },
            "3": {
                (CANDIDATE, False): {ACCURACY: 0.5},
                (BASELINE, False): {ACCURACY: 0.375},
                (CANDIDATE, True): {ACCURACY: 0.125},
            },
        }
    )

    candidate, baseline = metrics.as_dict(), metrics.as_dict(BASELINE)
    assert (candidate["accuracy"], candidate["loss"]) == (0.75, 0.5)
    assert (baseline["accuracy"], baseline["loss"]) == (0.875, 0.25)
    assert (candidate["per_class"]["3"], baseline["per_class"]["3"]) == (0.5, 0.375)
    assert metrics.change(None, ACCURACY) == -0.125
    assert metrics.change(3, ACCURACY) == 0.125
    assert metrics.change(4, ACCURACY) is None


def test_a_lone_model_without_a_name_is_the_candidate(evaluation) -> None:
    metrics = evaluation({"": {("", False): {ACCURACY: 0.5}}})

    assert metrics.as_dict()["accuracy"] == 0.5


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_could_not_be_computed_is_none(evaluation, value) -> None:
    metrics = evaluation(
        {"": {("", False): {ACCURACY: value}}, "7": {("", False): {ACCURACY: value}}}
    )

    assert metrics.as_dict() == {
        "accuracy": None,
        "loss": None,
        "per_class": {str(digit): None for digit in range(10)},
    }


def test_zero_is_a_value(evaluation) -> None:
    metrics = evaluation({"0": {("", False): {ACCURACY: 0.0}}})

    assert metrics.scalar(CANDIDATE, 0, ACCURACY) == 0.0
    assert metrics.scalar(CANDIDATE, None, ACCURACY) is None


def test_without_a_confusion_matrix_all_counts_are_zero(evaluation) -> None:
    metrics = evaluation({"": {("", False): {ACCURACY: 0.5}}})

    np.testing.assert_array_equal(metrics.confusion_matrix(), np.zeros((10, 10)))


def test_an_answer_without_any_probability_is_in_no_column(tmp_path) -> None:
    written = metrics_for_slice_pb2.MetricsForSlice()
    item = written.metric_keys_and_values.add()
    item.key.name = CONFUSION_MATRIX
    matrix = item.value.multi_class_confusion_matrix_at_thresholds.matrices.add()
    for predicted, count in ((-1, 3), (2, 5)):
        matrix.entries.add(
            actual_class_id=4,
            predicted_class_id=predicted,
            num_weighted_examples=count,
        )
    with tf.io.TFRecordWriter(str(tmp_path / "metrics-00000-of-00001.tfrecord")) as out:
        out.write(written.SerializeToString())

    found = EvaluationMetrics(str(tmp_path), 10).confusion_matrix()

    assert found[4, 2] == found.sum() == 5
