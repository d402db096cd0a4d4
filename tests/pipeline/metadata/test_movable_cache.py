"""The cache knows a node again wherever its workspace, data and schema lie."""

import json
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from tfx.orchestration.portable import cache_utils
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.artifact_files import note_files
from pipeline.metadata.movable_cache import movable_cache

STOCK = cache_utils.get_cache_context, artifact_utils.verify_artifacts
PLACES = ("/first/w", "/other w/é [1] #%")


@pytest.fixture
def handle(tmp_path: Path):
    connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "db"))
    with metadata.Metadata(connection) as opened:
        yield opened


def blessing(workspace: str, number: int = 7) -> standard_artifacts.ModelBlessing:
    artifact = standard_artifacts.ModelBlessing()
    artifact.mlmd_artifact.id = number
    artifact.uri = f"{workspace}/artifacts/Evaluator/blessing/{number}"
    model = f"{workspace}/artifacts/Trainer/model/3"
    artifact.set_string_custom_property("current_model", model)
    return artifact


def examples(workspace: str, when: str) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri = f"{workspace}/artifacts/ExampleGen/examples/1"
    artifact.set_string_custom_property("input_fingerprint", when)
    return artifact


def key(handle, workspace: str, number: int = 7, **parameters) -> str:
    told = {
        "destination": f"{workspace}/serving/mnist",
        "custom_config": json.dumps({"checkpoints": f"{workspace}/checkpoints"}),
        "input_base": f"/data for {workspace}",
        "schema_file": f"/schema for {workspace}",
        "input_fingerprint": f"written at {workspace}",
        **parameters,
    }
    inputs, outputs = blessing(workspace, number), examples(workspace, workspace)
    with movable_cache(Path(workspace)):
        context = cache_utils.get_cache_context(
            metadata_handle=handle,
            pipeline_node=pipeline_pb2.PipelineNode(),
            pipeline_info=pipeline_pb2.PipelineInfo(id="mnist"),
            input_artifacts={"model_blessing": [inputs]},
            output_artifacts={"examples": [outputs]},
            parameters=told,
        )
    # What TFX goes on with is as it was.
    assert inputs.uri.startswith(workspace)
    assert outputs.get_string_custom_property("input_fingerprint") == workspace
    return context.name


def test_a_node_is_known_again_in_another_place(handle) -> None:
    first, second = (key(handle, place) for place in PLACES)
    assert first == second
    assert (cache_utils.get_cache_context, artifact_utils.verify_artifacts) == STOCK


@pytest.mark.parametrize(
    "change", [{"number": 8}, {"custom_config": "{}"}, {"destination": "/elsewhere"}]
)
def test_what_makes_a_difference_still_does(handle, change) -> None:
    assert key(handle, "/w", **change) != key(handle, "/w")


def test_results_without_all_their_files_are_passed_over(handle, tmp_path) -> None:
    model = standard_artifacts.Model()
    folder = tmp_path / "Trainer" / "model" / "3"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").touch()
    model.uri = str(folder)
    model.mlmd_artifact.state = mlmd.Artifact.LIVE
    note_files(model.uri)

    with movable_cache(tmp_path):
        artifact_utils.verify_artifacts({"model": [model]})
        (folder / "saved_model.pb").unlink()
        with pytest.raises(RuntimeError, match="are gone"):
            artifact_utils.verify_artifacts({"model": [model]})
    artifact_utils.verify_artifacts({"model": [model]})
