"""What a person does after a run: names, predictions, accuracy, lineage."""

import json

import pytest
from PIL import Image

from components.examples import read_examples
from components.image_spec import MNIST

pytestmark = pytest.mark.e2e

NAMES = ["zero", "one", "two", "three", "four"]
NAMES += ["five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="module")
def project(make_project):
    """A project whose classes have names."""
    project = make_project()
    (project.root / "data/mnist/classes.json").write_text(json.dumps(NAMES))
    return project


@pytest.fixture(scope="module")
def first(project):
    finished = project.run()
    assert finished.code == 0, finished.err
    return finished


def call(project, *args: str):
    finished = project.command("-m", "pipeline.cli", *args)
    assert finished.code == 0, finished.err
    return finished


def test_names_are_shown_and_kept_by_the_model(project, first):
    assert first.summary["classes"] == NAMES
    rows = [line.split() for line in first.err.splitlines()]
    for label, name in enumerate(NAMES):
        accuracy = first.summary["metrics"]["per_class"][str(label)]
        assert [str(label), f"{100 * accuracy:.1f}", name] in rows


def test_evaluate_agrees_with_the_evaluator(project, first):
    # The class names come from beside the split, so this also compares them.
    found = json.loads(call(project, "evaluate", "data/mnist", "--json").out)
    metrics = first.summary["metrics"]
    assert found["accuracy"] == pytest.approx(metrics["accuracy"], abs=1e-6)
    assert found["loss"] == pytest.approx(metrics["loss"], rel=1e-3)
    assert found["per_class"] == pytest.approx(metrics["per_class"], abs=1e-6)


def test_predict_names_the_digits_of_a_folder(project, first):
    images, labels = read_examples(
        MNIST, [str(project.root / "data/mnist/test/*")], limit=300
    )
    folder = project.root / "pictures"
    folder.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image.reshape(28, 28)).save(folder / f"{index:03d}.png")
    lines = call(project, "predict", "pictures", "--json").out.splitlines()
    answers = [json.loads(line) for line in lines]
    right = [a["class"] == NAMES[k] for a, k in zip(answers, labels, strict=True)]
    assert sum(right) / len(right) > 0.85


def test_runs_tell_the_whole_way_back(project, first):
    version = first.summary["model"]["version"]
    again = project.run("--set", "evaluation.min_accuracy=0.999")
    assert again.code == 4
    old, new = json.loads(call(project, "runs", "--json").out)
    assert (old["status"], new["status"]) == ("pushed", "model_rejected")
    assert old["version"] == int(version)
    assert old["accuracy"] == first.summary["metrics"]["accuracy"]

    found = json.loads(call(project, "runs", "trace", version, "--json").out)
    assert found["run_id"] == old["run_id"]
    assert found["classes"] == NAMES
    assert [found[part]["now"] for part in ("code", "data", "schema")] == ["same"] * 3
    assert {node["node"] for node in found["nodes"]} >= {
        "ExampleGen",
        "Transform",
        "Trainer",
        "Evaluator",
        "ModelAudit",
        "ServingCheck",
        "Pusher",
    }

    changed = json.loads(
        call(project, "runs", "diff", old["run_id"], "latest", "--json").out
    )["changed"]
    assert changed["config"] == {
        "evaluation.min_accuracy": {"before": 0.85, "after": 0.999}
    }
    assert changed["digests"] == {}
    show = json.loads(call(project, "runs", "show", "latest", "--json").out)
    assert {a["made_by"] for a in show["artifacts"] if a["node"] == "Trainer"} == {
        old["run_id"]
    }
