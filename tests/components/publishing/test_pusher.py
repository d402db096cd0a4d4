"""The Pusher: what it lets through, what it records, and run by TFX's launcher."""

import json
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import Channel
from tfx.types.artifact import Artifact
from tfx.types.standard_artifacts import (
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
)

from components.artifacts import DataVerdict
from components.checks import Check, write_checks
from components.errors import PipelineError
from components.evaluation.audit_files import MEANING, write_model_audit
from components.evaluation.results import BASELINE
from components.gate_settings import ModelGateSettings
from components.publishing import pusher
from components.publishing.pusher import Executor, Pusher
from components.publishing.store import ModelStore

CLASSES = [f"class {label}" for label in range(10)]
PROVENANCE = {
    "code": "c0de",
    "data": "da7a",
    "schema": "5c",
    "classes": CLASSES,
    "rebaseline": True,
}
METRICS = {"accuracy": 0.99, "loss": 0.03, "per_class": {"0": 0.98}}
BEFORE = {"accuracy": 0.98, "loss": 0.04, "per_class": {"0": 0.97}}

DATA_CHECK = Check("data", "leakage", "train, test", 0, 0, True)
SERVING_CHECK = Check("serving", "latency", "predict", 2.5, 100.0, True)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "serving" / "mnist")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A Model artifact's folder, as the Trainer writes it."""
    folder = tmp_path / "model"
    serving = folder / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "saved_model.pb").write_bytes(b"graph")
    (serving / "variables" / "variables.index").write_bytes(b"index")
    return folder


def artifact(kind: type[Artifact], uri: Path, **properties: int) -> list[Artifact]:
    made = kind()
    made.uri = str(uri)
    for name, value in properties.items():
        made.set_int_custom_property(name, value)
    return [made]


def push(
    store: ModelStore, inputs: dict[str, list[Artifact]], **parameters: Any
) -> dict[str, Any]:
    """Runs the executor and returns the custom properties of ``pushed_model``."""
    context = BaseExecutor.Context(
        pipeline_info=pipeline_pb2.PipelineInfo(id="mnist"), pipeline_run_id="run-1"
    )
    output = store.base.parent.parent / "pushed"
    output.mkdir(exist_ok=True)
    outputs = {"pushed_model": artifact(PushedModel, output)}
    values = {
        "destination": str(store.base),
        "provenance": json.dumps(PROVENANCE),
        "model_gate": None,
        **parameters,
    }
    Executor(context).Do(inputs, outputs, values)
    properties = outputs["pushed_model"][0].mlmd_artifact.custom_properties
    return {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in properties.items()
    }


def test_a_blessed_model_is_published(store, model, tmp_path, monkeypatch):
    monkeypatch.setattr(pusher, "current_commit", lambda: "c0ffee-dirty")
    inputs = {
        "model": artifact(Model, model),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=1),
    }
    properties = push(store, inputs)
    [number] = store.versions()
    assert properties == {
        "pushed": 1,
        "pushed_destination": str(store.path(number)),
        "pushed_version": str(number),
    }
    assert (store.path(number) / "saved_model.pb").read_bytes() == b"graph"
    assert store.verify(number) == {}
    text = (store.path(number) / "manifest.json").read_text()
    assert (tmp_path / "pushed" / "manifest.json").read_text() == text
    content = json.loads(text)
    for own in ("version", "time", "files"):
        content.pop(own)
    assert content == {
        "pipeline": "mnist",
        "run_id": "run-1",
        "digests": {"code": "c0de", "data": "da7a", "schema": "5c"},
        "metrics": None,
        "baseline": None,
        "checks": [],
        "versions": {
            "python": platform.python_version(),
            "tfx": version("tfx"),
            "tensorflow": version("tensorflow"),
        },
        "classes": CLASSES,
        "rebaseline": True,
        "rollback_of": None,
        "commit": "c0ffee-dirty",
        "meaning_change": None,
    }


@pytest.mark.parametrize(
    ("model_blessed", "infra_blessed", "pushed"),
    [(1, 1, 1), (0, 1, 0), (1, 0, 0), (0, 0, 0), (1, None, 1), (0, None, 0)],
)
def test_both_blessings_must_be_given(
    store, model, tmp_path, model_blessed, infra_blessed, pushed
):
    inputs = {
        "model": artifact(Model, model),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=model_blessed),
    }
    if infra_blessed is not None:
        inputs["infra_blessing"] = artifact(
            InfraBlessing, tmp_path, blessed=infra_blessed
        )
    properties = push(store, inputs)
    assert properties["pushed"] == pushed
    assert len(store.versions()) == pushed
    if not pushed:
        assert properties == {"pushed": 0}
        assert not store.base.exists()
        assert list((tmp_path / "pushed").iterdir()) == []


@pytest.mark.parametrize("missing", ["model_blessing", "infra_blessing"])
def test_a_wired_blessing_that_never_came_refuses(store, model, tmp_path, missing):
    inputs = {
        "model": artifact(Model, model),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=1),
        "infra_blessing": artifact(InfraBlessing, tmp_path, blessed=1),
        missing: [],
    }
    assert push(store, inputs) == {"pushed": 0}
    assert store.versions() == []


class FakeMetrics:
    """Stands for what TFMA would read below a uri."""

    def __init__(self, uri: str, classes: int) -> None:
        self.uri = uri

    def as_dict(self, name: str = "candidate") -> dict[str, Any]:
        return BEFORE if name == BASELINE else METRICS


def test_the_manifest_holds_metrics_and_the_checks_of_every_gate(
    store, model, tmp_path, monkeypatch
):
    def model_checks(
        metrics: FakeMetrics, settings: ModelGateSettings, classes: Sequence[str]
    ) -> list[Check]:
        assert classes == CLASSES
        assert metrics.uri == str(tmp_path / "evaluation")
        bound = settings.min_accuracy
        return [Check("model", "accuracy", "overall", 0.99, bound, True)]

    gate = ModuleType("components.evaluation.gate")
    gate.model_checks = model_checks
    monkeypatch.setitem(sys.modules, "components.evaluation.gate", gate)
    monkeypatch.setattr(pusher, "EvaluationMetrics", FakeMetrics)
    for folder, check in (("verdict", DATA_CHECK), ("infra", SERVING_CHECK)):
        (tmp_path / folder).mkdir()
        write_checks(tmp_path / folder, [check])
    inputs = {
        "model": artifact(Model, model),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=1),
        "infra_blessing": artifact(InfraBlessing, tmp_path / "infra", blessed=1),
        "evaluation": artifact(ModelEvaluation, tmp_path / "evaluation"),
        "data_verdict": artifact(DataVerdict, tmp_path / "verdict"),
    }
    push(store, inputs, model_gate='{"min_accuracy": 0.875}')
    content = json.loads((tmp_path / "pushed" / "manifest.json").read_text())
    assert (content["metrics"], content["baseline"]) == (METRICS, BEFORE)
    keys = ("gate", "name", "slice", "value", "bound", "passed")
    assert [tuple(check[key] for key in keys) for check in content["checks"]] == [
        ("data", "leakage", "train, test", 0, 0, True),
        ("model", "accuracy", "overall", 0.99, 0.875, True),
        ("serving", "latency", "predict", 2.5, 100.0, True),
    ]


@pytest.mark.parametrize("known", [True, False])
def test_a_change_of_meaning_that_was_let_pass_is_in_the_manifest(
    store, model, tmp_path, known: bool
):
    inputs = {
        "model": artifact(Model, model),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=1),
    }
    push(store, inputs)
    [earlier] = store.versions()
    files = store.manifest(earlier).files
    accuracies = {"candidate": 0.97, "candidate_before": 0.1}
    accuracies |= {"previous": 0.2, "previous_before": 0.96}
    measured = {
        "overall": {**accuracies, "serving_before": None, "records": 500.0},
        "classes": {},
        "renamed": {"3": 4},
        "compared_with": files if known else {**files, "saved_model.pb": "0" * 64},
    }
    (tmp_path / "audit").mkdir()
    failed = Check("model", MEANING, "overall", 0.86, 0.03, False, policy="warn")
    write_checks(tmp_path / "audit", [failed])
    write_model_audit(tmp_path / "audit", {MEANING: measured})
    inputs["audit_blessing"] = artifact(InfraBlessing, tmp_path / "audit", blessed=1)
    push(store, inputs)

    change = json.loads((tmp_path / "pushed" / "manifest.json").read_text())
    assert change["meaning_change"] == {
        "version": earlier if known else None,
        **accuracies,
        "renamed": {"3": "4"},
    }
    newest = store.versions()[-1]
    assert store.manifest(newest).meaning_change.candidate_before == 0.1


def test_a_model_without_an_export_is_an_error(store, model, tmp_path):
    (model / "Format-Serving" / "saved_model.pb").unlink()
    inputs = {
        "model": artifact(Model, model),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=1),
    }
    with pytest.raises(PipelineError, match=r"with saved_model\.pb.*Export the model"):
        push(store, inputs)
    assert store.versions() == []


def test_its_parameters_are_plain_and_in_one_order():
    made = Pusher(
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        destination="/serving/mnist",
        provenance={"schema": "5c", "code": "c0de"},
        model_gate={"min_accuracy": 0.9},
    )
    assert made.exec_properties == {
        "destination": "/serving/mnist",
        "provenance": '{"code": "c0de", "schema": "5c"}',
        "model_gate": '{"min_accuracy": 0.9}',
    }
    assert set(made.inputs) == {"model", "model_blessing"}
    assert made.outputs["pushed_model"].type is PushedModel


def run_pipeline(folder: Path, store: ModelStore, model: Path, blessed: int) -> None:
    """Runs a Pusher behind importers with TFX's own runner."""
    channels = {
        name: Importer(
            source_uri=str(uri),
            artifact_type=kind,
            reimport=True,
            custom_properties=properties,
        ).with_id(f"Import-{name}")
        for name, kind, uri, properties in (
            ("model", Model, model, {}),
            ("model_blessing", ModelBlessing, folder, {"blessed": blessed}),
            ("infra_blessing", InfraBlessing, folder, {"blessed": 1}),
        )
    }
    node = Pusher(
        **{name: importer.outputs["result"] for name, importer in channels.items()},
        destination=str(store.base),
        provenance=PROVENANCE,
    ).with_id("Pusher")
    LocalDagRunner().run(
        Pipeline(
            pipeline_name="mnist",
            pipeline_root=str(folder / "artifacts"),
            components=[*channels.values(), node],
            metadata_connection_config=connection(folder),
        )
    )


def connection(folder: Path) -> Any:
    return metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite"))


def test_run_by_the_launcher(store, model, tmp_path):
    run_pipeline(tmp_path, store, model, blessed=0)
    assert store.versions() == []
    run_pipeline(tmp_path, store, model, blessed=1)
    [number] = store.versions()
    manifest = store.manifest(number)
    with metadata.Metadata(connection(tmp_path)) as handle:
        runs = handle.store.get_contexts_by_type("pipeline_run")
        pushed = handle.store.get_artifacts_by_type("PushedModel")
    assert manifest.run_id == max(run.name for run in runs)
    assert manifest.pipeline == "mnist"
    assert [one.custom_properties["pushed"].int_value for one in pushed] == [0, 1]
    destination = pushed[1].custom_properties["pushed_destination"].string_value
    assert destination == str(store.path(number))
    assert (Path(pushed[1].uri) / "manifest.json").is_file()
