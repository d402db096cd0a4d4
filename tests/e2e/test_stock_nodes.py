"""Every node as TFX has it: the statistics, anomalies and metrics are the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.data.counts import read_statistics
from components.evaluation.results import (
    ACCURACY,
    BASELINE,
    CANDIDATE,
    COUNT,
    LOSS,
    EvaluationMetrics,
)

pytestmark = pytest.mark.e2e

NODES = ["ExampleGen", "StatisticsGen", "Transform", "Evaluator"]
STOCK = f"nodes.stock={json.dumps(NODES)}"
SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def project(make_project):
    return make_project()


@pytest.fixture(scope="module")
def workspace(project) -> Path:
    """A run with our executors, then one with TFX's, which compares with its model."""
    for settings in ((), ("--set", STOCK)):
        done = project.run("--workspace", "ws", *settings)
        assert done.code == 0, done.err
    assert done.summary["config"]["nodes"]["stock"] == NODES
    assert done.rerun() >= set(NODES)
    return project.root / "ws"


def both(workspace: Path, artifact: str) -> list[Path]:
    """Returns the folder of an artifact that each run made."""
    folders = (workspace / "artifacts" / artifact).iterdir()
    found = sorted(folders, key=lambda folder: int(folder.name))
    assert len(found) == 2
    return found


def read(kind: type[Message], file: Path) -> dict[str, Any]:
    return json_format.MessageToDict(kind.FromString(file.read_bytes()))


def leaves(value: Any, place: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Yields each plain value of JSON, and the names and numbers that lead to it."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list):
            yield from leaves(item, (*place, key))
        else:
            yield (*place, key), item


def close(value: Any) -> Any:
    return pytest.approx(value, rel=1e-6) if isinstance(value, float) else value


@pytest.mark.parametrize("split", SPLITS)
def test_the_statistics_are_the_same(workspace: Path, split: str) -> None:
    ours, theirs = (
        dict(leaves(read(statistics_pb2.DatasetFeatureStatisticsList, file)))
        for folder in both(workspace, "StatisticsGen/statistics")
        for file in [folder / f"Split-{split}" / "FeatureStats.pb"]
    )

    assert len(ours) > 100
    assert ours == {place: close(value) for place, value in theirs.items()}


def test_the_counts_of_the_gate_are_the_same(workspace: Path) -> None:
    ours, theirs = map(read_statistics, both(workspace, "StatisticsGen/statistics"))

    assert ours == theirs
    assert ours.split("val").examples == 500


def test_the_metrics_of_a_model_are_the_same(workspace: Path) -> None:
    """Of the first run's model: the candidate of one run, the baseline of the other."""
    ours, theirs = (
        EvaluationMetrics(str(folder), 10)
        for folder in both(workspace, "Evaluator/evaluation")
    )

    for label in (None, *range(10)):
        for name in (ACCURACY, LOSS, COUNT):
            value = ours.scalar(CANDIDATE, label, name)
            assert value is not None
            assert value == pytest.approx(
                theirs.scalar(BASELINE, label, name), rel=1e-5
            )
    np.testing.assert_array_equal(
        ours.confusion_matrix(CANDIDATE), theirs.confusion_matrix(BASELINE)
    )
    assert ours.confusion_matrix(CANDIDATE).sum() == 1000
    assert theirs.refusals() == []


def test_the_anomalies_are_the_same(project) -> None:
    schema = project.root / "schema" / "schema.pbtxt"
    narrow = project.root / "narrow.pbtxt"
    text = schema.read_text("utf-8")
    assert "max: 255" in text
    narrow.write_text(text.replace("max: 255", "max: 200"), "utf-8")
    for settings in ((), ("--set", STOCK)):
        options = ("--workspace", "odd", "--schema", str(narrow))
        assert project.run(*options, *settings).code == 3

    for split in SPLITS:
        ours, theirs = (
            read(anomalies_pb2.Anomalies, folder / f"Split-{split}" / "SchemaDiff.pb")
            for folder in both(project.root / "odd", "ExampleValidator/anomalies")
        )
        assert ours == theirs
        assert "image" in ours["anomalyInfo"]
