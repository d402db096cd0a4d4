"""``mnist-pipeline evaluate`` as a person calls it, on greys whose truth is known."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from components.classes import write_class_names
from components.errors import DatasetError, PipelineError, UsageError
from components.publishing.store import ModelStore
from pipeline.commands.evaluate import evaluate
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard

STEP = 25
# (grey of the picture, its label): the model says the grey.
ITEMS = [(0, 0), (0, 0), (1, 0), (1, 1), (2, 2), (2, 2), (2, 3), (5, 5)]


def write_split(folder: Path, items=ITEMS, repeat: int = 1) -> Path:
    folder.mkdir(parents=True)
    records = [
        serialize_example(np.full(784, STEP * grey, np.uint8), label)
        for grey, label in items * repeat
    ]
    write_shard(folder / "part-0.tfrecord.gz", records[::2])
    write_shard(folder / "part-1.tfrecord.gz", records[1::2])
    return folder


def call(workspace: Path, *arguments: object) -> Result:
    given = [str(a) for a in arguments]
    return CliRunner().invoke(evaluate, [*given, "--workspace", str(workspace)])


def test_every_figure_is_as_counted_by_hand(grey_workspace, tmp_path):
    split = write_split(tmp_path / "greys")
    store = ModelStore(grey_workspace / "serving" / "mnist")
    result = call(grey_workspace, split, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    logits = -4.0 * np.square(np.arange(10) - np.array([[g] for g, _ in ITEMS]))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(
        [p[label] for p, (_, label) in zip(probabilities, ITEMS, strict=True)]
    )
    assert found.pop("loss") == pytest.approx(loss.mean(), rel=1e-4)
    matrix = found.pop("confusion_matrix")
    assert np.sum(matrix) == 8
    assert (matrix[0][:2], matrix[3][2], matrix[5][5]) == ([2, 1], 1, 1)
    assert found == {
        "model": {
            "path": str(store.path(store.versions()[-1])),
            "version": store.versions()[-1],
        },
        "data": {"path": str(split), "examples": 8},
        "classes": [f"grey {label}" for label in range(10)],
        "accuracy": 6 / 8,
        "per_class": {
            **dict.fromkeys("0123456789"),
            "0": 2 / 3,
            "1": 1.0,
            "2": 1.0,
            "3": 0.0,
            "5": 1.0,
        },
        "precision": {
            **dict.fromkeys("0123456789"),
            "0": 1.0,
            "1": 0.5,
            "2": 2 / 3,
            "5": 1.0,
        },
    }


def test_the_table_has_a_row_for_each_class(grey_workspace, tmp_path):
    split = write_split(tmp_path / "greys", repeat=300)
    heading, *rows, total = call(grey_workspace, split).stdout.splitlines()
    assert " ".join(heading.split()) == "label images accuracy % precision % class"
    assert rows[0].split() == ["0", "900", "66.7", "100.0", "grey", "0"]
    assert rows[9].split() == ["9", "0", "none", "none", "grey", "9"]
    assert total.startswith("accuracy 75.00 %, loss ")
    assert total.endswith(f"2,400 images of {split}")


@pytest.mark.parametrize(
    ("given", "split"), [([], "test"), (["--split", "val"], "val")]
)
def test_a_data_folder_has_splits(grey_workspace, tmp_path, given, split):
    for name, items in (("test", ITEMS), ("val", ITEMS[:3])):
        write_split(tmp_path / "data" / name, items)
    found = json.loads(call(grey_workspace, tmp_path / "data", "--json", *given).stdout)
    assert found["data"] == {
        "path": str(tmp_path / "data" / split),
        "examples": {"test": 8, "val": 3}[split],
    }


@pytest.mark.parametrize("given", [[], ["--split", "train"]])
def test_a_folder_without_records_is_a_usage_error(grey_workspace, tmp_path, given):
    result = call(grey_workspace, tmp_path, *given)
    assert isinstance(result.exception, UsageError)
    assert f"Received: no TFRecord in {tmp_path}" in str(result.exception)


def test_other_classes_are_refused(grey_workspace, tmp_path):
    split = write_split(tmp_path / "data" / "test")
    names = [f"grey {label}" for label in range(10)]
    write_class_names(tmp_path / "data", names)
    assert call(grey_workspace, split).exit_code == 0

    write_class_names(tmp_path / "data", names[::-1])
    for given in (split, tmp_path / "data"):
        result = call(grey_workspace, given)
        assert isinstance(result.exception, PipelineError)
        assert "Received: grey 9, grey 8, " in str(result.exception)
        assert result.stdout == ""


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b"\xff\xff", "expected a tf.train.Example"),
        (serialize_example(np.zeros(783, np.uint8), 1), "expected 784 values in image"),
        (
            serialize_example(np.zeros(784, np.uint8), 10),
            "expected label values in 0..9",
        ),
        (serialize_example(np.full(784, 256), 1), "expected image values in 0..255"),
    ],
)
def test_a_bad_record_is_numbered(grey_workspace, tmp_path, record, fault):
    good = serialize_example(np.zeros(784, np.uint8), 0)
    write_shard(tmp_path / "x.tfrecord.gz", [good] * 1030 + [record, good])
    result = call(grey_workspace, tmp_path)
    assert isinstance(result.exception, DatasetError)
    message = f"{tmp_path}/x.tfrecord.gz: record 1,030 (from 0): {fault}"
    assert str(result.exception).startswith(message)


def test_no_record_is_no_accuracy(grey_workspace, tmp_path):
    write_shard(tmp_path / "x.tfrecord.gz", [])
    result = call(grey_workspace, tmp_path)
    assert isinstance(result.exception, DatasetError)
    assert "at least one record" in str(result.exception)


def test_a_sure_mistake_has_a_finite_loss(grey_workspace, tmp_path):
    split = write_split(tmp_path / "greys", [(0, 9)])
    found = json.loads(call(grey_workspace, split, "--json").stdout)
    assert found["loss"] == pytest.approx(-math.log(1e-7), rel=1e-6)
