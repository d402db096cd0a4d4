"""Artifacts of runs read from a metadata store written here."""

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata

from pipeline.metadata.lineage import RunLineage

OUTPUT = mlmd.Event.OUTPUT


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Two runs of one node: the second one took the result of the first."""
    file = tmp_path / "metadata.sqlite"
    connection = metadata.sqlite_metadata_connection_config(str(file))
    with metadata.Metadata(connection) as handle:
        store = handle.store
        runs = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
        nodes = store.put_context_type(mlmd.ContextType(name="node"))
        kind = store.put_execution_type(mlmd.ExecutionType(name="any"))
        model = store.put_artifact_type(mlmd.ArtifactType(name="Model"))
        artifact = mlmd.Artifact(
            type_id=model, uri="/artifacts/8", state=mlmd.Artifact.LIVE
        )
        artifact.custom_properties["pushed"].int_value = 1
        for run in ("run-1", "run-2"):
            event = mlmd.Event(type=OUTPUT, path=mlmd.Event.Path())
            event.path.steps.add(key="model")
            contexts = [
                mlmd.Context(type_id=runs, name=run),
                mlmd.Context(type_id=nodes, name="mnist.Trainer"),
            ]
            _, [artifact.id], _ = store.put_execution(
                mlmd.Execution(type_id=kind),
                [(artifact, event)],
                contexts,
                reuse_context_if_already_exist=True,
            )
    return file


def test_outputs_of_a_run_by_node_and_name(database: Path) -> None:
    for run in ("run-1", "run-2"):
        outputs = RunLineage(database, run).outputs()

        assert outputs.keys() == {("Trainer", "model")}
        assert outputs["Trainer", "model"].uri == "/artifacts/8"
        assert outputs["Trainer", "model"].properties == {"pushed": 1}


def test_an_output_that_was_not_published_is_none(database: Path) -> None:
    lineage = RunLineage(database, "run-1")

    assert lineage.output("Trainer", "model").uri == "/artifacts/8"
    assert lineage.output("Trainer", "model_run") is None
    assert lineage.output("Pusher", "model") is None


def test_a_run_that_the_store_does_not_know_has_no_outputs(database: Path) -> None:
    assert RunLineage(database, "run-9").outputs() == {}


def test_the_maker_is_the_run_that_was_not_cached(database: Path) -> None:
    assert RunLineage(database, "run-2").maker("/artifacts/8") == "run-1"


def test_an_artifact_that_the_store_does_not_know_has_no_maker(database: Path) -> None:
    assert RunLineage(database, "run-1").maker("/elsewhere") is None
