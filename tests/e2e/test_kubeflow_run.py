"""Runs of the compiled Kubeflow pipeline: a process a task, PostgreSQL, one folder."""

import json
import shutil
from pathlib import Path

import attrs
import pytest
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.metadata import Metadata

from components.checkout import PROJECT_ROOT
from deployment.kfp_follower import Followed, Follower
from pipeline.cluster.runner import compile_pipeline, read_graph, task_name
from pipeline.config import Config, load_config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS
from pipeline.metadata.lineage import run_executions
from pipeline.metadata.store import connection_from
from tests.e2e.postgres_server import PASSWORD, Server

pytestmark = pytest.mark.e2e

REPORT, VERDICT = "write-report", "verdict"


@attrs.frozen
class Cluster:
    """What the tasks of all runs share.

    Attributes:
      config: that was compiled.
      follower: runs the compiled pipeline.
      tasks: one a node.
      data: small MNIST.
    """

    config: Config
    follower: Follower
    tasks: set[str]
    data: Path

    @property
    def workspace(self) -> Path:
        """The folder that the volume holds."""
        return Path(self.config.kubeflow.workspace)

    def run(self, run_id: str, *overrides: str, data: Path | None = None, **kwargs):
        """Runs the pipeline with overrides of the quick preset."""
        parameters = {
            "preset": "quick",
            "data": (data or self.data).as_uri(),
            "overrides": list(overrides),
        }
        return self.follower.run(run_id, parameters, **kwargs)

    def summary(self, run_id: str) -> dict:
        """Returns the ``summary.json`` of a run."""
        return json.loads(
            (self.workspace / "reports" / run_id / "summary.json").read_text()
        )

    def executions(self, run_id: str) -> dict[str, list[int]]:
        """Returns the state of each execution of each node, from PostgreSQL."""
        settings = self.config.kubeflow
        environ = {
            "MLMD_HOST": settings.metadata_host,
            "MLMD_PORT": str(settings.metadata_port),
            "MLMD_DATABASE": settings.metadata_database,
            "MLMD_USER": settings.metadata_user,
            "MLMD_PASSWORD": PASSWORD,
        }
        found: dict[str, list[int]] = {}
        with Metadata(connection_from(environ, Path("none"))) as handle:
            for node, execution in run_executions(handle.store, run_id):
                found.setdefault(task_name(node), []).append(execution.last_known_state)
        return found


@pytest.fixture(scope="module")
def cluster(
    server: Server, small_mnist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Cluster:
    folder = tmp_path_factory.mktemp("cluster")
    config = load_config(
        "quick",
        overrides=[
            f"kubeflow.workspace={folder / 'workspace'}",
            f"kubeflow.secret_path={folder / 'secret'}",
            "kubeflow.metadata_host=127.0.0.1",
            f"kubeflow.metadata_port={server.port}",
            f"kubeflow.metadata_user={server.user}",
            "kubeflow.retries=1",
        ],
    )
    graph = read_graph(create_pipeline(config, NO_DIGESTS))
    compile_pipeline(graph, config, [], folder / "mnist.yaml")
    follower = Follower(folder / "mnist.yaml", folder, PASSWORD, PROJECT_ROOT)
    return Cluster(config, follower, {task_name(node) for node in graph}, small_mnist)


@pytest.fixture(scope="module")
def pushed(cluster: Cluster) -> Followed:
    """A run whose Trainer is killed half-way and tried again."""

    def training() -> bool:
        return any(cluster.workspace.glob("artifacts/Trainer/model*/*"))

    return cluster.run("run-1", kill={"trainer": training})


def test_every_task_ends_well_and_a_model_is_pushed(
    cluster: Cluster, pushed: Followed
) -> None:
    assert {name: one.codes[-1] for name, one in pushed.outcomes.items()} == (
        dict.fromkeys({*cluster.tasks, REPORT, VERDICT}, 0)
    ), {name: one.log for name, one in pushed.outcomes.items() if not one.succeeded}
    assert pushed.succeeded
    summary = cluster.summary("run-1")
    assert summary["status"] == "pushed"
    [version] = (cluster.workspace / "serving" / "mnist").glob("[0-9]*")
    assert summary["model"]["path"] == str(version)
    model = tf.saved_model.load(str(version))
    pixels = tf.zeros([2, 28, 28], tf.uint8)
    answer = model.signatures["predict_pixels"](pixels=pixels)
    assert answer["probabilities"].shape == (2, 10)


def test_the_metadata_has_one_good_execution_of_each_node(
    cluster: Cluster, pushed: Followed
) -> None:
    assert cluster.executions("run-1") == {
        task: [mlmd.Execution.COMPLETE] for task in cluster.tasks
    }


def test_a_killed_task_is_run_again_from_a_clean_start(
    cluster: Cluster, pushed: Followed
) -> None:
    trainer = pushed.outcomes["trainer"]

    assert trainer.codes == [-9, 0]
    assert "an earlier attempt was interrupted; its rest is cleared" in trainer.log
    assert len(list(cluster.workspace.glob("artifacts/Trainer/model/*"))) == 1
    others = {name: one.codes for name, one in pushed.outcomes.items()}
    del others["trainer"]
    assert set(map(tuple, others.values())) == {(0,)}


def test_independent_tasks_run_at_the_same_time(pushed: Followed) -> None:
    one, other = pushed.outcomes["example-gen"], pushed.outcomes["schema-gen"]

    assert max(one.started, other.started) < min(one.ended, other.ended)


def test_the_report_and_the_metrics_are_handed_to_kfp(
    cluster: Cluster, pushed: Followed
) -> None:
    summary = cluster.summary("run-1")
    report = cluster.workspace / "reports" / "run-1" / "index.html"
    task = pushed.outcomes[REPORT]
    [artifact] = task.output["artifacts"]["metrics"]["artifacts"]

    assert task.files["report"].read_text() == report.read_text()
    assert artifact["metadata"]["accuracy"] == summary["metrics"]["accuracy"]
    assert artifact["metadata"]["accuracy_0"] == summary["metrics"]["per_class"]["0"]
    assert artifact["metadata"]["pushed"] == 1.0
    assert json.loads(task.files["metrics"].read_text()) == artifact["metadata"]


def test_no_log_holds_the_password(pushed: Followed) -> None:
    assert [
        name for name, outcome in pushed.outcomes.items() if PASSWORD in outcome.log
    ] == []


def test_a_refused_model_fails_the_run_and_is_reported(
    cluster: Cluster, pushed: Followed
) -> None:
    run = cluster.run("run-2", "evaluation.min_accuracy=0.9999")

    assert not run.succeeded
    # A retry does not change what the gate measured.
    assert run.outcomes["evaluator"].codes == [4, 4]
    assert "Error: Evaluator stopped the run: model gate: accuracy, overall: " in (
        run.outcomes["evaluator"].log
    )
    left_out = {"model-audit", "pusher"}
    assert set(run.outcomes) == {*cluster.tasks, REPORT, VERDICT} - left_out
    report = run.outcomes[REPORT]
    assert report.codes == [0]
    assert "Evaluator stopped the run: model gate: " in report.log
    # It fails the run as well, and once: that would not change.
    assert run.outcomes[VERDICT].codes == [4]
    assert "accuracy, overall: " in run.outcomes[VERDICT].log
    assert "model rejected" in run.outcomes[VERDICT].log
    assert cluster.executions("run-2")["trainer"] == [mlmd.Execution.CACHED]
    summary = cluster.summary("run-2")
    assert summary["status"] == "model_rejected"
    assert [one["state"] for one in summary["components"] if one["id"] == "Pusher"] == [
        "not run"
    ]
    [artifact] = report.output["artifacts"]["metrics"]["artifacts"]
    assert artifact["metadata"]["pushed"] == 0.0
    assert "the model was rejected" in report.files["report"].read_text()
    assert len(list((cluster.workspace / "serving" / "mnist").glob("[0-9]*"))) == 1


def test_defective_data_stops_the_run_before_training(
    cluster: Cluster, pushed: Followed, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(cluster.data, data)
    shutil.copy(next((data / "test").iterdir()), data / "train" / "leak.tfrecord.gz")
    run = cluster.run("run-3", data=data)

    assert not run.succeeded
    assert run.outcomes["data-gate"].codes == [3, 3]
    assert "Error: DataGate stopped the run: data gate: " in (
        run.outcomes["data-gate"].log
    )
    assert "leakage" in run.outcomes["data-gate"].log
    assert "Traceback" not in run.outcomes["data-gate"].log
    assert "trainer" not in run.outcomes
    assert "transform" not in run.outcomes
    assert run.outcomes[REPORT].codes == [0]
    assert "the data was rejected" in run.outcomes[REPORT].files["report"].read_text()
    assert run.outcomes[VERDICT].codes == [3]
    assert "leakage, train/test" in run.outcomes[VERDICT].log
    summary = cluster.summary("run-3")
    assert summary["status"] == "data_rejected"
    assert any(
        check["name"] == "leakage" and not check["passed"]
        for check in summary["checks"]
    )
