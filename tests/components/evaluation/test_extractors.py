"""The Evaluator's extractors: what TFMA measures with them is what it measures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api.model_eval_lib import (
    ExtractEvaluateAndWriteResults,
    default_eval_shared_model,
)
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import config_util
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.evaluation.extractors import PredictionsByLabel, custom_extractors
from components.evaluation.results import (
    ACCURACY,
    BASELINE,
    CANDIDATE,
    COUNT,
    LOSS,
    EvaluationMetrics,
)
from components.features import IMAGE, LABEL
from pipeline.config import load_config
from pipeline.datasets.records import serialize_example
from pipeline.evaluation import eval_config
from tests.typed_beam import TYPED_BEAM_ARGS

pytestmark = pytest.mark.slow

EXAMPLES = 50


class _Looks(tf.Module):
    """ConfusionAndLoss by the first ten pixels, which it takes for logits."""

    def __init__(self, sharpness: float) -> None:
        super().__init__()
        self._sharpness = tf.constant(sharpness)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.io.parse_example(
            examples, {IMAGE: tf.io.FixedLenFeature([784], tf.int64)}
        )[IMAGE]
        logits = tf.cast(pixels[:, :10], tf.float32) / 255 * self._sharpness
        return {
            "probabilities": tf.nn.softmax(logits),
            "class_id": tf.argmax(logits, axis=1),
        }


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two SavedModels of our signature that agree on the class and not on how sure."""
    folder = tmp_path_factory.mktemp("models")
    for name, sharpness in ((CANDIDATE, 4.0), (BASELINE, 1.0)):
        model = _Looks(sharpness)
        signatures = {"serving_default": model.serve}
        tf.saved_model.save(model, str(folder / name), signatures)
    return {name: str(folder / name) for name in (CANDIDATE, BASELINE)}


@pytest.fixture(scope="module")
def records() -> list[bytes]:
    """Of digits 0 to 8; about half are what the models take them for."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (EXAMPLES, 784), np.uint8)
    labels = rng.integers(0, 9, EXAMPLES)
    half = np.arange(0, EXAMPLES, 2)
    images[half, labels[half]] = 255
    return [serialize_example(*item) for item in zip(images, labels, strict=True)]


def batch_of(records: Sequence[bytes]) -> pa.RecordBatch:
    """As the Evaluator reads it, with the records themselves in a column."""
    batch = ExamplesToRecordBatchDecoder().DecodeBatch(list(records))
    raw = pa.array([[record] for record in records], pa.list_(pa.binary()))
    names = [*batch.schema.names, tfma.constants.ARROW_INPUT_COLUMN]
    return pa.RecordBatch.from_arrays([*batch.columns, raw], names)


def config_of(baseline: bool, stock: bool = False) -> config_pb2.EvalConfig:
    """Our configuration, as the Evaluator fills it in."""
    return config_util.update_eval_config_with_defaults(
        eval_config(load_config().evaluation, 10, stock),
        has_baseline=baseline,
        rubber_stamp=True,
    )


def shared_models(models: dict[str, str], config: config_pb2.EvalConfig) -> list[Any]:
    return [
        default_eval_shared_model(
            eval_saved_model_path=models[spec.name or CANDIDATE],
            model_name=spec.name,
            eval_config=config,
        )
        for spec in config.model_specs
    ]


Measure = Callable[[config_pb2.EvalConfig, bool], EvaluationMetrics]


@pytest.fixture
def measure(models, records, tmp_path: Path) -> Measure:
    """Evaluates, with our extractors or with TFMA's."""

    def run(config: config_pb2.EvalConfig, ours: bool) -> EvaluationMetrics:
        shared = shared_models(models, config)
        output = tmp_path / ("ours" if ours else "theirs")
        batches = [batch_of(records[start : start + 20]) for start in (0, 20, 40)]
        with beam.Pipeline(argv=TYPED_BEAM_ARGS) as pipeline:
            _ = (
                pipeline
                | beam.Create(batches)
                | ExtractEvaluateAndWriteResults(
                    eval_shared_model=shared,
                    eval_config=config,
                    extractors=custom_extractors(shared, config, None)
                    if ours
                    else None,
                    output_path=str(output),
                )
            )
        return EvaluationMetrics(str(output), 10)

    return run


@pytest.mark.parametrize("baseline", [False, True])
def test_the_evaluation_is_that_of_tfma_and_keras(measure: Measure, baseline) -> None:
    ours = measure(config_of(baseline), True)
    theirs = measure(config_of(baseline, stock=True), False)

    for model in (CANDIDATE, BASELINE) if baseline else (CANDIDATE,):
        for digit in (None, *range(9)):
            for name in (ACCURACY, LOSS, COUNT):
                value = ours.scalar(model, digit, name)
                assert value is not None
                assert value == pytest.approx(
                    theirs.scalar(model, digit, name), rel=1e-5
                )
        assert ours.scalar(model, 9, ACCURACY) is None
        np.testing.assert_array_equal(
            ours.confusion_matrix(model), theirs.confusion_matrix(model)
        )
        assert ours.confusion_matrix(model).sum() == EXAMPLES
    assert 0.4 < ours.scalar(CANDIDATE, None, ACCURACY) < 0.9
    change = ours.change(None, LOSS)
    assert (change is not None) == baseline
    if baseline:
        assert change < 0
        assert change == pytest.approx(theirs.change(None, LOSS), rel=1e-4)


def test_the_evaluation_is_validated_by_tfma(measure: Measure) -> None:
    """A digit without an example has no accuracy to be high enough."""
    refusals = measure(config_of(False), True).refusals()

    assert any(ACCURACY in refusal and "overall" in refusal for refusal in refusals)
    assert any("'9'" in refusal or '"9"' in refusal for refusal in refusals)


@pytest.fixture
def answers(models) -> Callable[[pa.RecordBatch], list[dict[str, Any]]]:
    """Calls the transform on a batch."""
    config = config_of(True)
    transform = PredictionsByLabel(shared_models(models, config), config)
    transform.setup()
    return lambda batch: list(transform.process({tfma.ARROW_RECORD_BATCH_KEY: batch}))


def test_an_element_is_a_digit_of_a_batch(answers, records) -> None:
    found = answers(batch_of(records))

    labels = [tf.train.Example.FromString(record) for record in records]
    labels = [record.features.feature[LABEL].int64_list.value[0] for record in labels]
    assert [element[tfma.FEATURES_KEY][LABEL].tolist() for element in found] == [
        [digit] for digit in range(9)
    ]
    for digit, element in enumerate(found):
        count = labels.count(digit)
        assert element[tfma.LABELS_KEY].tolist() == [digit] * count
        assert set(element[tfma.PREDICTIONS_KEY]) == {CANDIDATE, BASELINE}
        for probabilities in element[tfma.PREDICTIONS_KEY].values():
            assert probabilities.shape == (count, 10)
            np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_answers_stay_with_their_records(answers, records) -> None:
    whole = answers(batch_of(records))
    single = [answers(batch_of([record])) for record in records]

    for element in whole:
        [digit] = element[tfma.FEATURES_KEY][LABEL]
        alone = [
            one[tfma.PREDICTIONS_KEY][CANDIDATE][0]
            for [one] in single
            if one[tfma.LABELS_KEY][0] == digit
        ]
        np.testing.assert_allclose(
            element[tfma.PREDICTIONS_KEY][CANDIDATE], alone, rtol=1e-5
        )


@pytest.mark.parametrize("labels", [[], [1, 2]])
def test_a_record_has_one_label(answers, records, labels) -> None:
    record = tf.train.Example.FromString(records[0])
    record.features.feature[LABEL].int64_list.value[:] = labels

    with pytest.raises(ValueError, match="Expected one label in each record"):
        answers(batch_of([records[1], record.SerializeToString()]))
