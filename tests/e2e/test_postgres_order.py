"""Cached outputs on a real PostgreSQL, whose rows lie in another order each time."""

import logging
import uuid
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.portable import cache_utils, execution_publish_utils
from tfx.orchestration.portable.mlmd import context_lib
from tfx.types.standard_artifacts import Examples, Model, ModelRun, Schema

from components.checkout import PROJECT_ROOT
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.lineage import RunLineage
from tests.e2e.postgres_server import Server

pytestmark = pytest.mark.e2e

# Two of one type, as Transform has them, and more than one artifact under a key.
OUTPUTS = {
    "model_run": [ModelRun],
    "model": [Model],
    "schema_before": [Schema],
    "schema_after": [Schema],
    "examples": [Examples, Examples, Examples],
}
TYPES = {key: kinds[0].TYPE_NAME for key, kinds in OUTPUTS.items()}
MEND = PROJECT_ROOT / "deployment" / "mend_outputs.sql"
# What an earlier release did to the database: two outputs have changed their keys.
SWAP = """
UPDATE eventpath SET step_key = CASE step_key WHEN '{0}' THEN '{1}' ELSE '{0}' END
WHERE NOT is_index_step AND step_key IN ('{0}', '{1}')
    AND event_id IN (SELECT id FROM event WHERE execution_id = {2})
"""


class Node:
    """A node with several outputs that is run again and again.

    Args:
      connection: to an empty database.
      folder: receives the outputs.
    """

    def __init__(self, connection: mlmd.ConnectionConfig, folder: Path) -> None:
        self.connection = connection
        self.folder = folder
        self.runs = 0
        self.executions: list[int] = []

    def run(self) -> str:
        """Takes the outputs from the cache or makes them, as TFX's launcher does."""
        self.runs += 1
        with open_metadata(self.connection, TYPES) as handle:
            contexts = [
                context_lib.register_context_if_not_exists(handle, kind, name)
                for kind, name in (
                    ("node", "mnist.Trainer"),
                    ("pipeline_run", f"run-{self.runs}"),
                    (context_lib.CONTEXT_TYPE_EXECUTION_CACHE, "the recipe"),
                )
            ]
            execution = execution_publish_utils.register_execution(
                handle, mlmd.ExecutionType(name="Trainer"), contexts
            )
            self.executions.append(execution.id)
            cached = cache_utils.get_cached_outputs(handle, contexts[-1])
            if cached is None:
                execution_publish_utils.publish_succeeded_execution(
                    handle, execution.id, contexts, self._make(execution.id)
                )
                return "done"
            execution_publish_utils.publish_cached_executions(
                handle, contexts, [execution], [cached]
            )
            self.require_own_keys(cached)
            return "cached"

    def _make(self, number: int) -> dict:
        made = {}
        for key, kinds in OUTPUTS.items():
            made[key] = [kind() for kind in kinds]
            for index, artifact in enumerate(made[key]):
                folder = self.folder / key / str(number) / str(index)
                folder.mkdir(parents=True)
                artifact.uri = str(folder)
        return made

    def require_own_keys(self, outputs: dict) -> None:
        """Fails where an output is not under the key that it was made as."""
        found = {
            key: [(one.TYPE_NAME, one.uri.split("/")[-3::2]) for one in artifacts]
            for key, artifacts in outputs.items()
        }
        assert found == {
            key: [(kind.TYPE_NAME, [key, str(i)]) for i, kind in enumerate(kinds)]
            for key, kinds in OUTPUTS.items()
        }

    def lineage(self, run: int) -> set[tuple[str, str]]:
        """The key and the folder of each output of a run, as it reads back."""
        outputs = RunLineage(self.connection, f"run-{run}").outputs()
        return {(key, Path(one.uri).parts[-3]) for (_, key), one in outputs.items()}


OWN_KEYS = {(key, key) for key in OUTPUTS}


@pytest.fixture
def node(server: Server, tmp_path: Path) -> Node:
    name = f"order_{uuid.uuid4().hex}"
    return Node(server.make_database(name), tmp_path)


def database(node: Node) -> str:
    return node.connection.postgresql.dbname


def test_cached_outputs_keep_their_keys_in_whatever_order_rows_lie(
    server: Server, node: Node
) -> None:
    assert node.run() == "done"
    for order in ("ASC", "DESC", "random()", "random()") * 5:
        server.rearrange(database(node), order)
        # An update moves a row behind the others.
        server.sql("UPDATE artifact SET uri = uri WHERE id % 2 = 1", database(node))
        assert node.run() == "cached"
        server.sql("UPDATE event SET type = type WHERE id % 3 = 1", database(node))
        assert node.run() == "cached"
    for run in (1, 2, 20, 41):
        assert node.lineage(run) == OWN_KEYS


@pytest.mark.parametrize(
    "keys", [("model", "model_run"), ("schema_before", "schema_after")]
)
def test_a_poisoned_result_is_passed_over_and_the_one_before_it_used(
    server: Server, node: Node, keys: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert [node.run(), node.run()] == ["done", "cached"]
    server.sql(SWAP.format(*keys, node.executions[-1]), database(node))
    caplog.set_level(logging.WARNING)

    assert node.run() == "cached"

    assert node.lineage(3) == OWN_KEYS
    assert f"output '{keys[0]}' of execution {node.executions[1]} holds a" in (
        caplog.text
    )
    assert "docs/kubeflow.md says how to correct the database" in caplog.text


def test_where_every_result_is_poisoned_the_node_runs_again(
    server: Server, node: Node
) -> None:
    node.run()
    server.sql(SWAP.format("model", "model_run", node.executions[0]), database(node))

    assert [node.run(), node.run()] == ["done", "cached"]
    assert node.lineage(3) == OWN_KEYS


def test_the_statement_in_the_repository_mends_a_poisoned_database(
    server: Server, node: Node
) -> None:
    for _ in range(4):
        node.run()
    for run, keys in (
        (2, ("model", "model_run")),
        (4, ("model", "model_run")),
        (4, ("schema_before", "schema_after")),
    ):
        server.sql(SWAP.format(*keys, node.executions[run - 1]), database(node))
    assert ("model", "model_run") in node.lineage(2)
    server.rearrange(database(node), "DESC")

    mended = server.sql(MEND.read_text(), database(node)).splitlines()

    assert len(mended) == 6
    assert {line.partition("|")[0] for line in mended} == {
        str(node.executions[1]),
        str(node.executions[3]),
    }
    assert all(node.lineage(run) == OWN_KEYS for run in (1, 2, 3, 4))
    assert server.sql(MEND.read_text(), database(node)) == ""
