"""``data suspects``, ``quarantine`` and ``verify --records`` as a person calls them.

The model of the workspace tells greys apart: a label that is not the grey is wrong.
"""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from components.classes import write_class_names
from components.data.audit_files import COLUMNS
from components.errors import DatasetError, UsageError
from components.publishing.store import ModelStore
from pipeline.cli import cli
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard
from tests.pipeline.conftest import NAMES, STEP

WRONG = {"train": (7, 33), "test": (5,)}
SIZES = {"train": 60, "val": 30, "test": 30}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Greys, each image unlike all others; some labels are three too high."""
    folder = tmp_path / "greys"
    noise = np.random.default_rng(0)
    for split, size in SIZES.items():
        records = []
        for number in range(size):
            grey, wrong = number % 10, number in WRONG.get(split, ())
            pixels = STEP * grey + noise.integers(0, 20, 784)
            records.append(
                serialize_example(pixels.astype("u1"), (grey + 3 * wrong) % 10)
            )
        (folder / split).mkdir(parents=True)
        write_shard(folder / split / f"{split}.tfrecord.gz", records)
    write_class_names(folder, NAMES)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", *map(str, arguments)])


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "suspects.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_labels_that_the_model_finds_wrong_are_listed_and_drawn(
    data: Path, grey_workspace: Path, tmp_path: Path
):
    out = tmp_path / "new" / "out"
    result = call(
        "suspects", data, "--workspace", grey_workspace, "--out", out, "--json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    store = ModelStore(grey_workspace / "serving" / "mnist")
    version = store.versions()[-1]
    assert found["model"] == {"path": str(store.path(version)), "version": version}
    assert found["out"] == str(out)
    assert found["splits"]["train"]["looked_at"] == 60
    assert {one["name"] for one in found["findings"]} >= {
        "against the serving model",
        "repeats",
        "wrong labels",
    }
    against = [row for row in rows(out) if row["finding"].startswith("against")]
    assert tuple(against[0]) == COLUMNS
    assert {
        (
            row["split"],
            int(row["record"]),
            (int(row["label"]) - int(row["answer"])) % 10,
        )
        for row in against
    } == {(split, n, 3) for split, numbers in WRONG.items() for n in numbers}
    assert all(float(row["label_probability"]) < 0.01 for row in against)
    assert (out / "against-the-serving-model-train.png").read_bytes()[1:4] == b"PNG"
    worst = {
        (one["split"], one["record"])
        for one in found["suspects"]
        if "against the serving model" in one["findings"]
    }
    assert worst == {("train", 7), ("train", 33), ("test", 5)}


def test_the_list_is_what_quarantine_takes(
    data: Path, grey_workspace: Path, tmp_path: Path
):
    out, clean = tmp_path / "out", tmp_path / "clean"
    told = call("suspects", data, "--workspace", grey_workspace, "--out", out)
    assert told.exit_code == 0, told.output
    assert f"data quarantine {data} --records {out}/suspects.csv --out NEW" in (
        told.stdout
    )
    only = ("--only", "against the serving model")
    moved = call(
        "quarantine", data, "--records", out / "suspects.csv", "--out", clean, *only
    )
    assert moved.exit_code == 0, moved.output
    assert moved.stdout == (
        f"Wrote 117 records to {clean}: train 58, val 30, test 29.\n"
        f"Moved 3 records to {clean / 'quarantine'}: train 2, val 0, test 1.\n"
        f"Next: mnist-pipeline run --data {clean}\n"
    )
    verified = call("verify", clean, "--records", out / "suspects.csv", "--json")
    assert verified.exit_code == 0, verified.output
    listed = json.loads(verified.stdout)["listed"]
    states = {
        one["state"]
        for one in listed
        if one["suspect"]["finding"] == "against the serving model"
    }
    assert states == {"gone"}
    table = call("verify", data, "--records", out / "suspects.csv").stdout
    line = next(row for row in table.splitlines() if "against the serv" in row)
    assert [cell.strip() for cell in line.split("│")[2:-1]] == ["3", "3", "0", "0"]

    again = call("quarantine", clean, "--records", out / "suspects.csv", "--out", "no")
    assert isinstance(again.exception, DatasetError)
    assert not Path("no").exists()


def test_without_a_model_the_rest_is_found(data: Path, tmp_path: Path):
    result = call("suspects", data, "--workspace", tmp_path / "none")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("No model was asked: none is published in ")
    [out] = (tmp_path / "none" / "suspects").iterdir()
    assert "against the serving model" not in {row["finding"] for row in rows(out)}
    assert str(out) in result.stdout


def test_a_model_is_named_by_version_or_folder(
    data: Path, grey_workspace: Path, tmp_path: Path
):
    store = ModelStore(grey_workspace / "serving" / "mnist")
    named, unnamed = store.versions()[-1], store.versions()[0]
    for model in (store.path(named), named):
        result = call(
            *("suspects", data, "--json", "--workspace", grey_workspace),
            *("--model", model, "--out", tmp_path / str(len(str(model)))),
        )
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["model"]["version"] == named
    for model, message in (
        (unnamed, "knows 0, 1, 2, 3, 4, 5, … and 4 more, not grey 0, grey 1"),
        (17, "Expected a version in "),
        ("no/7", "Expected --model to name a folder that exists. Received: no/7."),
        ("best", "Expected --model to name a version, or its folder"),
    ):
        result = call(
            *("suspects", data, "--workspace", grey_workspace),
            *("--model", model, "--out", tmp_path / "no"),
        )
        assert isinstance(result.exception, UsageError), result.output
        assert message in str(result.exception)
        assert not (tmp_path / "no").exists()


def test_the_model_that_serves_may_be_of_other_classes(
    data: Path, grey_workspace: Path, tmp_path: Path
):
    write_class_names(data, NAMES[::-1])
    result = call("suspects", data, "--workspace", grey_workspace)
    assert result.exit_code == 0, result.output
    assert " knows grey 0, grey 1, " in result.stdout.splitlines()[0]


def test_what_cannot_be_read_is_refused(
    data: Path, grey_workspace: Path, tmp_path: Path
):
    out = tmp_path / "out"
    out.mkdir()
    taken = call("suspects", data, "--workspace", grey_workspace, "--out", out)
    assert isinstance(taken.exception, DatasetError)
    assert "Choose another --out" in str(taken.exception)
    missing = call("suspects", tmp_path / "no", "--workspace", grey_workspace)
    assert isinstance(missing.exception, DatasetError)
    assert "received no folder of that name" in str(missing.exception)
    write_shard(data / "val" / "val.tfrecord.gz", [b"none"])
    broken = call("suspects", data, "--workspace", grey_workspace)
    assert isinstance(broken.exception, DatasetError)
    assert f"`mnist-pipeline data verify {data}` says which" in str(broken.exception)
    assert not (grey_workspace / "suspects").exists()
    shutil.rmtree(data / "val")
    assert call("suspects", data, "--workspace", grey_workspace).exit_code == 0
