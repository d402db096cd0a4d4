"""A run put together by hand: its artifacts, its summary, its place in the store."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest
from PIL import Image

from components.data.audit_files import write_audit
from components.data.counts import DataStatistics, write_statistics
from components.data.scan import count
from components.evaluation.audit_files import (
    MEANING,
    MISTAKES_FILE,
    UNKNOWN,
    UNKNOWN_FILE,
    write_model_audit,
)
from components.features import SPLITS
from components.image_spec import MNIST
from components.training.plots import AUGMENTED_FILE
from pipeline.config import Config, load_config, to_dict
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard
from pipeline.metadata.lineage import RunArtifact
from pipeline.reporting import sources

# Of the nodes of a pipeline, those that a report reads.
NODES = ("ExampleGen", "SchemaGen", "StatisticsGen", "ExampleValidator", "DataAudit")
NODES += ("DataGate", "Trainer", "Evaluator", "ModelAudit")
RUN = "20260101-120000-abcd"
NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat <b>"]
NAMES += ["Sandal", "Shirt", "Sneaker", "$Bag$", "Ankle boot"]
# An image of class c has the mean pixel 25 c; the model divides by 25.
STEP = 25
IMAGES = 5
# (index in the test split, its label): the images are of other classes.
MISLABELLED = ((0, 9), (7, 2))
MATRIX = np.diag(np.full(MNIST.classes, 98)) + 2 * np.eye(MNIST.classes, k=1, dtype=int)
HISTORY = {
    "loss": [1.5, 0.5, 0.25],
    "accuracy": [0.5, 0.75, 0.875],
    "val_loss": [1.0, 0.75, 0.5],
    "val_accuracy": [0.625, 0.75, 0.8125],
}
# What ModelAudit measured.
MEASURED = {
    "slices": [
        {"name": "slant, lowest third", "records": 300, "accuracy": 0.9875}
        | {"baseline": 0.975},
        {"name": "digit 4 and 9", "records": 210, "accuracy": 0.8125}
        | {"baseline": None},
    ],
    "mistakes": {"name": "digit 4 and 9", "count": 1234, "shown": 20},
    MEANING: {
        "overall": {
            "candidate": 0.9625,
            "candidate_before": 0.0375,
            "previous": 0.0625,
            "previous_before": 0.9125,
        },
        "renamed": {"3": 4},
    },
    UNKNOWN: {
        "shapeless": {"pictures": 41, "sure": 0},
        "letters": {"pictures": 56, "sure": 14},
    },
}
# When training began, then when each epoch ended.
MOMENTS = (1000.0, 1010.0, 1012.0, 1016.0)


@attrs.frozen
class FakeLineage:
    """Stands in for ``RunLineage``: (node, output) to artifact."""

    artifacts: dict[tuple[str, str], RunArtifact]

    def output(self, node_id: str, name: str) -> RunArtifact | None:
        return self.artifacts.get((node_id, name))

    def outputs(self) -> dict[tuple[str, str], RunArtifact]:
        return self.artifacts

    def maker(self, uri: str) -> str:
        return "20251231-110000-beef" if "baseline" in uri else RUN

    def without(self, *nodes: str) -> "FakeLineage":
        """The lineage of a run in which some nodes gave nothing."""
        kept = {key: a for key, a in self.artifacts.items() if key[0] not in nodes}
        return FakeLineage(kept)


def squares() -> tuple[np.ndarray, np.ndarray]:
    """Squares of each class in turn, uint8 [50, 784], and their classes."""
    classes = np.arange(IMAGES * MNIST.classes) % MNIST.classes
    images = np.repeat(classes[:, None] * STEP, MNIST.pixels, axis=1)
    images[:, 0] += 1
    return images.astype(np.uint8), classes


def labels_of(split: str) -> np.ndarray:
    """The labels of the squares, int64 [50]; those of ``test`` are not all right."""
    _, labels = squares()
    if split == "test":
        for index, label in MISLABELLED:
            labels[index] = label
    return labels


def write_examples(folder: Path) -> None:
    images, _ = squares()
    for split in SPLITS:
        labels = labels_of(split)
        records = [
            serialize_example(*item) for item in zip(images, labels, strict=True)
        ]
        (folder / f"Split-{split}").mkdir(parents=True)
        write_shard(folder / f"Split-{split}" / "data.tfrecord.gz", records)


def write_model(folder: Path) -> None:
    """A model of squares, with the variables that a dense network has."""
    import tensorflow as tf

    class Network(tf.Module):
        def __init__(self) -> None:
            rows = tf.random.stateless_normal([MNIST.pixels, 12], seed=(1, 2))
            self.first = tf.Variable(rows, name="kernel")
            self.second = tf.Variable(tf.zeros([12, MNIST.classes]))

    class Squares(tf.Module):
        def __init__(self) -> None:
            self.model = Network()

        @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8)])
        def predict_pixels(self, pixels):
            mean = tf.reduce_mean(tf.cast(pixels, tf.float32), axis=[1, 2])
            levels = tf.range(MNIST.classes, dtype=tf.float32)
            distances = tf.square(mean[:, None] / STEP - levels)
            return {"probabilities": tf.nn.softmax(-3.0 * distances)}

    model = Squares()
    signatures = {"predict_pixels": model.predict_pixels}
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures=signatures)


def write_training(folder: Path) -> None:
    import tensorflow as tf

    (folder / "train").mkdir(parents=True)
    content = {"epochs": HISTORY, "parameters": 123456}
    (folder / "history.json").write_text(json.dumps(content))
    Image.new("L", (60, 20), 128).save(folder / AUGMENTED_FILE)
    tags = ("epoch_accuracy", "epoch_loss")
    with tf.io.TFRecordWriter(str(folder / "train" / "events.out.1.v2")) as writer:
        start = tf.compat.v1.Event(wall_time=MOMENTS[0], file_version="brain.Event:2")
        writer.write(start.SerializeToString())
        for step, moment in enumerate(MOMENTS[1:]):
            # Each epoch writes a value a metric.
            for tag in tags:
                event = tf.compat.v1.Event(wall_time=moment, step=step)
                event.summary.value.add(tag=tag)
                writer.write(event.SerializeToString())


def write_anomalies(folder: Path) -> None:
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    for split in SPLITS:
        found = anomalies_pb2.Anomalies()
        if split == "val":
            found.anomaly_info["label"].severity = anomalies_pb2.AnomalyInfo.WARNING
            found.anomaly_info["label"].description = "Values are <odd>."
        (folder / f"Split-{split}").mkdir(parents=True)
        file = folder / f"Split-{split}" / "SchemaDiff.pb"
        file.write_bytes(found.SerializeToString())


@pytest.fixture(scope="session")
def run_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the artifacts, ``<node>/<output>``."""
    folder = tmp_path_factory.mktemp("artifacts")
    write_examples(folder / "ExampleGen" / "examples")
    write_anomalies(folder / "ExampleValidator" / "anomalies")
    (folder / "DataGate" / "verdict").mkdir(parents=True)
    (folder / "SchemaGen" / "schema").mkdir(parents=True)
    shutil.copy(Config().schema, folder / "SchemaGen" / "schema")
    images, classes = squares()
    # Not the same, so that it shows which one was read.
    judged = {split: count(images, classes, 0, MNIST.classes) for split in SPLITS}
    write_statistics(folder / "DataGate" / "verdict", DataStatistics(judged))
    given = {
        split: count(images, labels_of(split), 0, MNIST.classes) for split in SPLITS
    }
    (folder / "StatisticsGen" / "statistics").mkdir(parents=True)
    write_statistics(folder / "StatisticsGen" / "statistics", DataStatistics(given))
    write_model(folder / "Trainer" / "model")
    write_training(folder / "Trainer" / "model_run")
    (folder / "DataAudit" / "audit").mkdir(parents=True)
    write_audit(folder / "DataAudit" / "audit", [], {})
    (folder / "ModelAudit" / "blessing").mkdir(parents=True)
    write_model_audit(folder / "ModelAudit" / "blessing", MEASURED)
    for name in (MISTAKES_FILE, UNKNOWN_FILE):
        Image.new("L", (60, 20), 128).save(folder / "ModelAudit" / "blessing" / name)
    for name in ("evaluation", "blessing"):
        (folder / "Evaluator" / name).mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def lineage(run_files: Path) -> Iterator[FakeLineage]:
    """The lineage of the run; TFMA's files are left out, and what they say put in."""
    measured = SimpleNamespace(confusion_matrix=lambda: MATRIX)
    properties = {"Evaluator": {"baseline_model": "/artifacts/baseline/8"}}
    artifacts = {
        (path.parent.name, path.name): RunArtifact(
            str(path), properties.get(path.parent.name, {})
        )
        for path in sorted(run_files.glob("*/*"))
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "EvaluationMetrics", lambda uri, classes: measured)
        yield FakeLineage(artifacts)


def check(gate: str, name: str, where: str, value: Any, bound: Any) -> dict[str, Any]:
    return {
        "gate": gate,
        "name": name,
        "slice": where,
        "value": value,
        "bound": bound,
        "passed": True,
        "policy": "error",
        "advice": "",
        "baseline": None,
    }


@pytest.fixture(scope="session")
def make_summary() -> Callable[..., dict[str, Any]]:
    """Makes the content of the run's ``summary.json``, with changes."""

    def make(**changes: Any) -> dict[str, Any]:
        config = load_config("quick", overrides=["train.batch_size=8"])
        per_class = {str(label): 0.9 + label / 100 for label in range(MNIST.classes)}
        return {
            "run_id": RUN,
            "pipeline": "mnist",
            "started": "2026-01-01T12:00:00+02:00",
            "command": "mnist-pipeline run --set 'model.dropout=<1'",
            "commit": "c0ffee-dirty",
            "machine": {"processor": "A CPU", "cores": 2, "memory_gb": 16.5},
            "status": "pushed",
            "failure": None,
            "components": [
                {"id": node, "state": "done", "seconds": 1.25, "cached": False}
                for node in NODES
            ],
            "data": dict.fromkeys(SPLITS, IMAGES * MNIST.classes),
            "classes": NAMES,
            "metrics": {"accuracy": 0.98, "loss": 0.0625, "per_class": per_class},
            "baseline": {
                "accuracy": 0.97,
                "loss": 0.125,
                "per_class": {**per_class, "3": 0.95},
            },
            "checks": [
                check("data", "size", "train", 50, 10),
                check("data", "label drift", "val against train", 1.5e-07, 0.1),
                check("model", "accuracy", "digit 3", 0.93, 0.5),
                check("serving", "has the signature", "predict", "present", "present"),
            ],
            "model": {
                "path": "/w/serving/mnist/7",
                "version": 7,
                "parameters": 123456,
                "precision": "float32",
            },
            "seconds": 12.5,
            "versions": {"python": "3.10", "tfx": "1", "tensorflow": "2", "beam": "3"},
            "config": to_dict(config),
            "digests": {"code": "c0de", "data": "da7a", "schema": "5c4e"},
            **changes,
        }

    return make
