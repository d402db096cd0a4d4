"""The node as TFX runs it."""

import dataclasses
import json
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.components.infra_validator import executor as infra_validator
from tfx.components.util.model_utils import is_infra_validated
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelRun

from components import checks as all_checks
from components.checks import read_checks
from components.errors import PipelineError
from components.gate_settings import ServingCheckSettings
from components.serving.check import ServingCheck, check_export
from components.serving.requests import SIGNATURES
from pipeline.local_runner import run_nodes
from tests.components.serving.models import failed, save_model, save_reference

pytestmark = pytest.mark.slow

SETTINGS = ServingCheckSettings()
BLESSED, NOT_BLESSED = "INFRA_BLESSED", "INFRA_NOT_BLESSED"


@pytest.fixture
def model_run(tmp_path: Path) -> Path:
    return save_reference(tmp_path / "run")


def contents(artifact: Artifact) -> set[str]:
    return {path.name for path in Path(artifact.uri).iterdir()}


def stored_blessings(connection) -> list[Artifact]:
    with metadata.Metadata(connection) as handle:
        [kind] = [
            kind
            for kind in handle.store.get_artifact_types()
            if kind.name == InfraBlessing.TYPE_NAME
        ]
        return [
            artifact_utils.deserialize_artifact(kind, artifact)
            for artifact in handle.store.get_artifacts_by_type(kind.name)
        ]


def test_the_launcher_publishes_a_blessing_and_finds_it_again(
    tmp_path: Path, model_run: Path
) -> None:
    save_model(tmp_path / "model" / "Format-Serving")
    connection = metadata.sqlite_metadata_connection_config(str(tmp_path / "db"))

    def run(run_id: str) -> dict[str, str]:
        model = Importer(str(tmp_path / "model"), Model).with_id("Model")
        ours = Importer(str(model_run), ModelRun).with_id("ModelRun")
        check = ServingCheck(
            model=model.outputs["result"],
            model_run=ours.outputs["result"],
            settings=json.dumps(dataclasses.asdict(SETTINGS)),
        )
        pipeline = Pipeline(
            "test",
            str(tmp_path / "root"),
            connection,
            [model, ours, check],
            enable_cache=True,
        )
        results = run_nodes(pipeline, run_id, lambda _: None, lambda _: None)
        return {result.id: result.state for result in results}

    assert run("first")["ServingCheck"] == "done"
    assert run("second")["ServingCheck"] == "cached"

    [blessing] = stored_blessings(connection)
    assert is_infra_validated(blessing)
    assert blessing.mlmd_artifact.state == metadata_store_pb2.Artifact.LIVE
    assert contents(blessing) == {BLESSED, "checks.json"}
    checks = read_checks(blessing.uri)
    assert failed(checks) == {}
    assert {check.slice for check in checks} == {"export", *SIGNATURES}
    assert {check.gate for check in checks} == {"serving"}


def test_an_unfit_model_is_not_blessed_and_does_not_raise(
    tmp_path: Path, model_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["serving_default", "predict_pixels"]
    export = save_model(tmp_path / "model" / "Format-Serving", signatures=names)
    (export / "ballast").write_bytes(bytes(3_000_000))
    model, ours, blessing = Model(), ModelRun(), InfraBlessing()
    model.uri, ours.uri = str(tmp_path / "model"), str(model_run)
    blessing.uri = str(tmp_path / "blessing")
    Path(blessing.uri).mkdir()

    ServingCheck.test_call(model, ours, blessing, settings='{"max_size": 3.0}')

    assert not is_infra_validated(blessing)
    assert blessing.get_int_custom_property("blessed") == 0
    assert blessing.has_custom_property("blessed")
    assert contents(blessing) == {NOT_BLESSED, "checks.json"}
    stopped = failed(read_checks(blessing.uri))
    assert set(stopped) == {
        ("size in MB", "export"),
        ("has the signature", "predict_image"),
    }
    assert 3.0 < stopped["size in MB", "export"] < 3.2
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "size in MB, export: 3.0" in said
    assert "has the signature, predict_image: missing, bound present" in said


def test_names_are_those_of_the_stock_infra_validator() -> None:
    assert infra_validator._BLESSED_KEY == all_checks._BLESSED
    assert (
        infra_validator._NOT_BLESSED_FILENAME,
        infra_validator._BLESSED_FILENAME,
    ) == all_checks._BLESSING_FILES


def test_a_missing_reference_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"reference\.npz.*\n?.*Run the Trainer"):
        check_export(save_model(tmp_path / "model"), tmp_path, SETTINGS)
