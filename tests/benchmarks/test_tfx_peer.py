"""TFX's packaged example as it is run at its best, and the accuracy read from it."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from benchmarks import tfx_example
from benchmarks.tfx_accuracy import read_accuracy

pytestmark = pytest.mark.slow


def test_the_example_is_as_shipped_but_for_beams_arguments(monkeypatch) -> None:
    pipelines = []
    monkeypatch.setattr(
        tfx_example.BeamDagRunner, "run", lambda _, pipeline: pipelines.append(pipeline)
    )
    tfx_example.main()

    [pipeline] = pipelines
    assert [node.id for node in pipeline.components] == [
        "ImportExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "ExampleValidator",
        "Transform",
        "Trainer.mnist",
        "Evaluator.mnist",
        "Pusher.mnist",
    ]
    assert pipeline.beam_pipeline_args[1:] == [
        "--direct_running_mode=in_memory",
        "--direct_num_workers=1",
    ]
    assert pipeline.beam_pipeline_args[0].endswith(".FnApiRunner")


def write_metric(root: Path, execution: str, name: str, value: float) -> None:
    """Writes what TFMA would have measured overall."""
    folder = root / "Evaluator.mnist" / "evaluation" / execution
    folder.mkdir(parents=True)
    row = metrics_for_slice_pb2.MetricsForSlice()
    item = row.metric_keys_and_values.add()
    item.key.name = name
    item.value.double_value.value = value
    with tf.io.TFRecordWriter(str(folder / "metrics-00000-of-00001.tfrecord")) as file:
        file.write(row.SerializeToString())


def test_its_accuracy_is_what_its_evaluator_measured(tmp_path: Path) -> None:
    write_metric(tmp_path, "7", "sparse_categorical_accuracy", 0.9375)

    assert read_accuracy(tmp_path) == 0.9375


def test_no_evaluation_or_another_metric_is_no_accuracy(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one evaluation .* Received: 0"):
        read_accuracy(tmp_path)
    write_metric(tmp_path, "7", "loss", 0.5)
    with pytest.raises(ValueError, match="Expected an accuracy"):
        read_accuracy(tmp_path)
    write_metric(tmp_path, "8", "sparse_categorical_accuracy", 0.5)
    with pytest.raises(ValueError, match="Received: 2"):
        read_accuracy(tmp_path)
