"""A change runs again exactly what depends on it."""

import pytest

from pipeline.datasets.shards import read_batches, write_shard
from tests.small_mnist import BUNDLED

pytestmark = pytest.mark.e2e

FROM_TRAINER = {"Trainer", "Evaluator", "ModelAudit", "ServingCheck", "Pusher"}
FROM_TRANSFORM = {"Transform", *FROM_TRAINER}
FROM_STATISTICS = {"StatisticsGen", "ExampleValidator", "DataAudit", "DataGate"}
FROM_SCHEMA = {"SchemaGen", *FROM_STATISTICS, *FROM_TRANSFORM}
FROM_DATA = {"ExampleGen", *FROM_SCHEMA} - {"SchemaGen"}


@pytest.fixture(scope="module")
def project(make_project):
    return make_project()


@pytest.fixture(scope="module")
def first(project):
    """The first run in a fresh workspace; each test changes one thing more."""
    finished = project.run()
    assert finished.code == 0, finished.err
    assert finished.rerun() == FROM_DATA | FROM_SCHEMA
    return finished


def test_hyperparameters_rerun_the_trainer_and_what_follows(project, first):
    finished = project.run("--set", "train.epochs=5")
    assert finished.rerun() == FROM_TRAINER
    baseline, metrics = finished.summary["baseline"], first.summary["metrics"]
    # The same model, summed up in another order.
    for name in ("accuracy", "loss", "per_class"):
        assert baseline[name] == pytest.approx(metrics[name], rel=1e-6)


def test_serving_code_reruns_the_trainer_and_what_follows(project, first):
    project.append("components/serving/signatures.py", "\n# a changed line\n")
    assert project.run().rerun() == FROM_TRAINER


def test_transform_code_reruns_transform_and_what_follows(project, first):
    project.append("components/training/transform.py", "\n# a changed line\n")
    assert project.run().rerun() == FROM_TRANSFORM


def test_the_schema_reruns_all_but_example_gen(project, first):
    project.append("schema/schema.pbtxt", "\n# a changed line\n")
    assert project.run().rerun() == FROM_SCHEMA


def test_data_reruns_all_but_schema_gen(project, first):
    bundled = read_batches(min((BUNDLED / "train").glob("*.tfrecord.gz")), 4000)
    next(bundled)
    write_shard(project.root / "data/mnist/train/more.tfrecord.gz", next(bundled))
    finished = project.run()
    assert finished.rerun() == FROM_DATA
    assert finished.summary["data"]["train"] == 8000
