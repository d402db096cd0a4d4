"""What a gate refused is there afterwards, also when the workspace was cleaned."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from components.image_spec import MNIST
from pipeline.datasets.example_files import read_examples
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard
from tests.small_mnist import split_file

pytestmark = pytest.mark.e2e
CLI = ("-m", "pipeline.cli")
# No part of this, and a busy machine may be slow.
PATIENT = ("--set", "serving_check.timeout=600")


def invert(file: Path, share: float) -> int:
    """Inverts a share of the images of a file; returns how many."""
    parts = list(read_examples(file, MNIST))
    images = np.concatenate([part[2] for part in parts])
    labels = np.concatenate([part[3] for part in parts]).tolist()
    chosen = np.random.default_rng(0).permutation(len(labels))
    chosen = chosen[: int(share * len(labels))]
    images[chosen] = 255 - images[chosen]
    write_shard(file, map(serialize_example, images, labels))
    return len(chosen)


def files_of(project, node: str) -> set[str]:
    folder = project.root / "workspace" / "artifacts" / node
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_refused_data_and_models_stay_with_their_reports(make_project) -> None:
    project = make_project()
    good = project.run(*PATIENT)
    assert good.code == 0, good.err
    data = project.root / "data" / "mnist"
    planted = invert(split_file(data, "train"), 0.05)
    bad = project.run(*PATIENT)
    assert (bad.code, bad.summary["status"]) == (3, "data_rejected"), bad.err
    audit = files_of(project, "DataAudit")
    assert Path(bad.summary["suspects"]["file"]).is_file()
    report = project.root / "workspace" / "reports" / bad.summary["run_id"]
    page = (report / "index.html").read_bytes()

    # What is printed writes data that is good again.
    said = bad.err.splitlines()
    command = next(line for line in said if line.startswith("  mnist-pipeline data"))
    moved = project.command(*CLI, *shlex.split(command)[1:])
    assert moved.code == 0, moved.err
    refused = project.run(
        *PATIENT,
        *("--data", f"{data}-clean", "--set", "evaluation.min_accuracy=0.999"),
    )
    assert (refused.code, refused.summary["status"]) == (4, "model_rejected")
    assert refused.summary["data"]["train"] <= 4000 - planted
    nodes = ("Trainer", "Evaluator", "StatisticsGen", "ExampleGen")
    before = {node: files_of(project, node) for node in nodes}

    cleaned = project.command(*CLI, "workspace", "clean", "--keep", "1")
    assert cleaned.code == 0, cleaned.err
    assert audit <= files_of(project, "DataAudit")
    assert {node: files_of(project, node) for node in nodes} == before
    assert (report / "index.html").read_bytes() == page
    assert json.loads((report / "summary.json").read_text()) == bad.summary
