"""The whole pipeline on the quick preset: twice, its gate, its served signatures."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from components.evaluation.answers import LoadedModel
from components.examples import read_examples
from components.features import IMAGE
from components.gate_settings import ModelGateSettings
from components.image_spec import MNIST
from tests.defects.draws import fashion, fashion_folder

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def project(make_project):
    return make_project()


@pytest.fixture(scope="module")
def first(project):
    """The first run in a fresh workspace; the others build on it."""
    finished = project.run()
    assert finished.code == 0, finished.err
    return finished


def artifacts(project) -> set[Path]:
    """What nodes made; why a resolver chose a model lies beside it."""
    found = (project.root / "workspace" / "artifacts").glob("*/*/*")
    return {path for path in found if "ModelChoice" not in path.parts}


def pushed_versions(project) -> list[str]:
    # A model server takes folders with numbers for names; the others are ours.
    served = (project.root / "workspace/serving/mnist").iterdir()
    return sorted(path.name for path in served if path.name.isdigit())


def test_the_first_run_pushes_a_model_that_reached_its_bound(project, first):
    summary = first.summary
    assert summary["status"] == "pushed"
    assert first.rerun() == set(first.states())
    assert summary["data"] == {"train": 4000, "val": 500, "test": 1000}
    assert summary["metrics"]["accuracy"] > 0.9
    assert list(summary["metrics"]["per_class"]) == [str(d) for d in range(10)]
    assert summary["baseline"] is None
    model_checks = [check for check in summary["checks"] if check["gate"] == "model"]
    assert [check["slice"] for check in model_checks[:12]] == [
        "overall",
        "overall",
        *(f"digit {digit}" for digit in range(10)),
    ]
    # Those of ModelAudit; there is no earlier model to compare meanings with.
    assert [check["name"] for check in model_checks[12:]] == [
        "worst slice",
        "calibration error",
        "mistakes per expected mistake",
        "mistakes for each of validation",
        "sure of the unknown",
        "sure of the unknown",
        "sure of the known",
    ]
    assert model_checks[0]["value"] == summary["metrics"]["accuracy"]
    assert all(check["passed"] for check in summary["checks"])
    # 784·128 weights, 4·128 of batch normalization, 129·10 of the head
    assert summary["model"]["parameters"] == 784 * 128 + 4 * 128 + 129 * 10
    assert pushed_versions(project) == [summary["model"]["version"]]


def test_the_accuracy_is_that_of_the_pushed_model(project, first, tmp_path):
    images, labels = read_examples(MNIST, [str(project.root / "data/mnist/test/*")])
    answers = call_signatures(first.summary["model"]["path"], images, tmp_path)
    accuracy = (answers["predict_pixels"].argmax(axis=1) == labels).mean()
    assert accuracy == pytest.approx(first.summary["metrics"]["accuracy"], abs=1e-6)


def test_served_signatures_agree(project, first, tmp_path):
    images, _ = read_examples(
        MNIST, [str(project.root / "data/mnist/test/*")], limit=50
    )
    answers = call_signatures(first.summary["model"]["path"], images, tmp_path)
    for name in ("serving_default", "predict_image"):
        np.testing.assert_allclose(
            answers[name], answers["predict_pixels"], atol=1e-6, rtol=0
        )


def test_a_model_of_digits_is_not_sure_of_clothes(first):
    import tensorflow as tf

    folder = fashion_folder()
    if not folder.is_dir():
        pytest.skip(f"Fashion-MNIST is not in {folder}: dataset-fashion-mnist")
    clothes, _ = fashion()["test"]

    exported = tf.saved_model.load(first.summary["model"]["path"])
    sure = LoadedModel(exported).ask_pictures(clothes[:300]).sure

    assert sure.mean() <= ModelGateSettings().max_sure_shapeless


def call_signatures(
    model: str, images: np.ndarray, folder: Path
) -> dict[str, np.ndarray]:
    """Asks each signature for probabilities [n, 10] with plain TensorFlow."""
    import tensorflow as tf

    def example(pixels):
        values = tf.train.Int64List(value=pixels.tolist())
        feature = {IMAGE: tf.train.Feature(int64_list=values)}
        return tf.train.Example(
            features=tf.train.Features(feature=feature)
        ).SerializeToString()

    square = images.reshape(-1, MNIST.height, MNIST.width)
    signatures = tf.saved_model.load(model).signatures
    requests = {
        "serving_default": {"examples": tf.constant([example(i) for i in images])},
        "predict_pixels": {"pixels": tf.constant(square)},
        "predict_image": {
            "images": tf.stack([tf.io.encode_png(i[..., None]) for i in square])
        },
    }
    return {
        name: signatures[name](**request)["probabilities"].numpy()
        for name, request in requests.items()
    }


def test_a_second_run_runs_no_node_again(project, first):
    before = artifacts(project)
    again = project.run()
    assert again.code == 0
    assert again.rerun() == set()
    assert again.summary["status"] == "pushed"
    assert again.summary["model"] == first.summary["model"]
    assert artifacts(project) == before
    assert len(pushed_versions(project)) == 1


def test_a_model_below_its_bound_is_not_pushed(project, first):
    before = pushed_versions(project)
    finished = project.run("--set", "evaluation.min_accuracy=0.995")
    assert finished.code == 4
    assert finished.summary["status"] == "model_rejected"
    [check] = [c for c in finished.summary["checks"] if not c["passed"]]
    assert (check["name"], check["slice"]) == ("accuracy", "overall")
    assert check["bound"] == 0.995
    assert "accuracy, overall" in finished.err
    assert pushed_versions(project) == before


def test_a_damaged_file_is_named_without_a_traceback(make_project):
    broken = make_project()
    shard = broken.root / "data/mnist/val/val.tfrecord.gz"
    shard.write_bytes(gzip.compress(b"this is no TFRecord file at all" * 10))
    finished = broken.run()
    assert finished.code == 3
    assert "ExampleGen stopped the run" in finished.err
    assert "Traceback (most recent call last)" not in finished.err
    assert finished.summary["status"] == "data_rejected"
    [check] = finished.summary["checks"]
    assert (check["name"], check["slice"]) == ("unreadable file", "val")
    assert str(shard) in check["value"]
    page = broken.root / "workspace/reports/latest/index.html"
    assert "Not pushed: the data was rejected" in page.read_text()
    assert finished.states()["Trainer"] == "not run"


def test_a_failing_node_is_named_with_its_cause_and_log(make_project):
    broken = make_project()
    broken.append("components/training/transform.py", '\nraise OSError("planted")\n')
    finished = broken.run()
    assert finished.code == 1
    assert "Transform failed: OSError: planted" in finished.err
    assert f"full traceback: {broken.root}/workspace/logs/" in finished.err
    assert "Traceback (most recent call last)" not in finished.err
    assert finished.summary["status"] == "failed"
    page = broken.root / "workspace/reports/latest/index.html"
    assert "Transform failed: OSError: planted" in page.read_text()


def test_the_page_of_a_run_has_its_numbers(project, first):
    summary = first.summary
    folder = project.root / "workspace" / "reports" / summary["run_id"]
    assert json.loads((folder / "summary.json").read_text()) == summary
    page = (folder / "index.html").read_text()
    for key in ("accuracy", "loss"):
        value = f'value="{summary["metrics"][key]!r}"'
        assert f'data-key="metrics.{key}" {value}' in page
    assert "Could not be shown" not in page
    assert "Nothing to show" not in page


def test_a_report_is_made_again_the_same_after_later_runs(project, first):
    page = project.root / "workspace/reports" / first.summary["run_id"] / "index.html"
    before = page.read_text()
    later = project.run("--set", "train.epochs=1", "--set", "train.seed=1")
    assert later.code in (0, 4)
    page.unlink()
    again = project.command("-m", "pipeline.cli", "report", first.summary["run_id"])
    assert again.code == 0, again.err
    assert str(page) in again.out
    assert page.read_text() == before
