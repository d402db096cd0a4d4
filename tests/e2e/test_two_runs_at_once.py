"""Two runs of one recipe at once: PostgreSQL, one workspace, real processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.checkout import PROJECT_ROOT
from components.publishing.store import ModelStore
from pipeline.cluster.node import run_node_of
from pipeline.config import Config, load_config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.lineage import RunLineage, run_executions
from tests.e2e.postgres_server import PASSWORD, Server

pytestmark = pytest.mark.e2e

RUNS = ("run-1", "run-2")
SETTINGS = ("train.epochs=4", "evaluation.min_accuracy=0.5")


@attrs.frozen
class Shared:
    """What both runs share.

    Attributes:
      config: of both.
      connection: to the metadata.
    """

    config: Config
    connection: mlmd.ConnectionConfig

    def start(self, node: str, run: str) -> subprocess.Popen:
        """Starts ``node_runner`` for a node of a run."""
        words = [sys.executable, "-m", "pipeline.node_runner", "--node", node]
        words += ["--run-id", run, "--preset", "quick"]
        words += ["--data", str(self.config.data)]
        words += ["--workspace", str(self.config.workspace)]
        return subprocess.Popen(
            [*words, *(word for setting in SETTINGS for word in ("--set", setting))],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def at_once(self, node: str, *runs: str) -> None:
        """Runs a node of several runs at once; all end well."""
        processes = [self.start(node, run) for run in runs]
        logs = [process.communicate()[0] for process in processes]
        assert not any(process.returncode for process in processes), logs

    def one_by_one(self, *nodes: str) -> None:
        """Runs nodes of both runs in this process."""
        for node in nodes:
            for run in RUNS:
                record = run_node_of(self.config, node, run)
                assert record.code == 0, record.message


@pytest.fixture
def shared(
    server: Server, small_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Shared:
    connection = server.make_database("two_runs")
    for name, value in {
        "MLMD_HOST": "127.0.0.1",
        "MLMD_PORT": str(server.port),
        "MLMD_DATABASE": "two_runs",
        "MLMD_USER": server.user,
        "MLMD_PASSWORD": PASSWORD,
        "PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), *sys.path]),
    }.items():
        monkeypatch.setenv(name, value)
    workspace = tmp_path / "workspace"
    config = load_config(
        "quick", overrides=SETTINGS, data=small_mnist, workspace=workspace
    )
    return Shared(config, connection)


def test_both_runs_of_one_recipe_train_and_push_a_model(shared: Shared) -> None:
    # The database is empty, so both make its tables.
    shared.at_once("SchemaGen", "run-a", "run-b")
    nodes = [node.id for node in create_pipeline(shared.config, NO_DIGESTS).components]
    trainer = nodes.index("Trainer")
    shared.one_by_one(*nodes[:trainer])

    first = shared.start("Trainer", RUNS[0])
    log = ""
    while "epoch 2/4" not in log:
        line = first.stdout.readline()
        assert line, log
        log += line
    # It is at work, however fast or slow, for as long as the other one needs.
    first.send_signal(signal.SIGSTOP)
    [saved] = shared.config.checkpoints.rglob("checkpoint.npz")
    second = shared.start("Trainer", RUNS[1])
    log_of_second = second.communicate()[0]
    assert saved.exists()
    first.send_signal(signal.SIGCONT)
    log += first.communicate()[0]

    assert (first.returncode, second.returncode) == (0, 0), log + log_of_second
    assert "another process trains this recipe" in log_of_second
    for one in (log, log_of_second):
        assert all(f"epoch {number}/4" in one for number in (1, 2, 3, 4))
        assert "from a checkpoint" not in one
    assert list(shared.config.checkpoints.iterdir()) == []

    shared.one_by_one(*nodes[trainer + 1 : -1])
    shared.at_once("Pusher", *RUNS)

    store = ModelStore(shared.config.serving)
    assert len(store.versions()) == 2
    assert all(store.verify(version) == {} for version in store.versions())
    made_by = {store.manifest(version).run_id for version in store.versions()}
    assert made_by == set(RUNS)
    models = {
        RunLineage(shared.connection, run).output("Trainer", "model").uri
        for run in RUNS
    }
    assert len(models) == 2
    with open_metadata(shared.connection) as handle:
        for run in RUNS:
            executions = run_executions(handle.store, run)
            assert sorted(node for node, _ in executions) == sorted(nodes)
