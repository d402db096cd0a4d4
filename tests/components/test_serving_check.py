"""The node as TFX runs it, and how it deals with a process that goes wrong."""

import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections import deque
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from serving_models import hang_on_batches, reference, save_model
from tfx.components.infra_validator import executor as infra_validator
from tfx.components.util.model_utils import is_infra_validated
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelRun

from components import serving_check
from components.checks import Check, read_checks
from components.errors import PipelineError
from components.gates import ServingCheckSettings
from components.serving_check import (
    ServingCheck,
    ServingCheckExecutor,
    check_export,
)
from components.serving_requests import SIGNATURE_INPUTS, write_reference
from pipeline.local_runner import run_nodes

SETTINGS = ServingCheckSettings()
BLESSED, NOT_BLESSED = "INFRA_BLESSED", "INFRA_NOT_BLESSED"


@pytest.fixture
def model_run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    write_reference(folder, reference())
    return folder


def failed(checks: list[Check]) -> dict[tuple[str, str], float | str | None]:
    return {(c.name, c.slice): c.value for c in checks if not c.passed}


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
            settings=dataclasses.asdict(SETTINGS),
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
    assert {check.slice for check in checks} == {"export", *SIGNATURE_INPUTS}
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

    ServingCheckExecutor().Do(
        {"model": [model], "model_run": [ours]},
        {"blessing": [blessing]},
        {"settings": '{"max_size": 3.0}'},
    )

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
    assert infra_validator._BLESSED_KEY == serving_check._BLESSED
    assert (
        infra_validator._NOT_BLESSED_FILENAME,
        infra_validator._BLESSED_FILENAME,
    ) == serving_check._BLESSING_FILES


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen]:
    """The processes that the check starts."""
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(serving_check.subprocess, "Popen", Recorded)
    return started


def wait_until_busy(probes: list[subprocess.Popen], step: str) -> None:
    """Waits until a probe has begun a step, and some more."""
    while not probes:
        time.sleep(0.05)
    arguments = probes[0].args
    file = Path(arguments[arguments.index("--observations") + 1])
    while not file.is_file() or step not in file.read_text():
        time.sleep(0.05)
    time.sleep(0.2)


def assert_gone(group: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_model_that_hangs_is_killed_in_time(
    tmp_path: Path, model_run: Path, probes
) -> None:
    export = save_model(tmp_path / "model", change=hang_on_batches)
    settings = dataclasses.replace(SETTINGS, timeout=20.0)
    started = time.monotonic()

    checks = check_export(export, model_run, settings)

    assert time.monotonic() - started < 25
    [(check, value)] = failed(checks).items()
    assert check == ("answers in time", "predict_pixels")
    assert 20 <= value < 22
    [check] = [check for check in checks if not check.passed]
    assert check.bound == 20.0
    assert "busy with a batch." in check.advice
    # What was seen before it hung is judged as well.
    assert {check.slice for check in checks if check.name == "latency in ms"} == {
        "serving_default"
    }
    [probe] = probes
    assert probe.returncode == -signal.SIGKILL
    assert_gone(probe.pid)


def test_a_model_that_crashes_fails_where_it_crashed(
    tmp_path: Path, model_run: Path, probes, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An earlier test may have made TensorFlow quiet.
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    export = save_model(tmp_path / "model", change=hang_on_batches)

    def crash() -> None:
        wait_until_busy(probes, '"predict_pixels", "step": "a batch"')
        os.kill(probes[0].pid, signal.SIGSEGV)

    thread = threading.Thread(target=crash)
    thread.start()
    checks = check_export(export, model_run, SETTINGS)
    thread.join()

    [(check, value)] = failed(checks).items()
    assert check == ("does not crash", "predict_pixels")
    assert value.startswith("signal 11 during a batch")
    assert_gone(probes[0].pid)
    # TensorFlow says at its start what it found; that reaches the node's log.
    assert capsys.readouterr().err.strip()


def test_a_node_that_is_stopped_stops_its_probe(
    tmp_path: Path, model_run: Path, probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self, timeout=None) -> int:
        monkeypatch.undo()
        raise KeyboardInterrupt

    export = save_model(tmp_path / "model")
    monkeypatch.setattr(serving_check.subprocess.Popen, "wait", interrupted)

    with pytest.raises(KeyboardInterrupt):
        check_export(export, model_run, SETTINGS)

    assert_gone(probes[0].pid)


def test_a_probe_that_cannot_start_fails_with_its_last_line(
    tmp_path: Path, model_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_check.serving_probe, "__name__", "components.no_such")

    checks = check_export(save_model(tmp_path / "model"), model_run, SETTINGS)

    [((name, part), value)] = failed(checks).items()
    assert (name, part) == ("does not crash", "export")
    assert value.startswith("exit 1 during starting: ")
    assert value.endswith("No module named components.no_such")


def test_notes_of_tensorflow_are_copied_but_are_not_the_last_line(capsys) -> None:
    lines = [
        "2026-11-23 11:12:41.1: W tensorflow/compiler/x.cc:38] a warning\n",
        "I0000 00:00:1795427159.320299    5799 port.cc:153] a note\n",
        "MemoryError: the cause\n",
        "\n",
        "2026-11-23 11:12:41.2: I tensorflow/y.cc:1] another note\n",
    ]
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        stream.writelines(lines)
    last_lines = deque[str](maxlen=1)

    serving_check._forward(os.fdopen(read), last_lines)

    assert list(last_lines) == ["MemoryError: the cause"]
    assert capsys.readouterr().err == "".join(lines)


def test_a_missing_reference_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"reference\.npz.*\n?.*Run the Trainer"):
        check_export(save_model(tmp_path / "model"), tmp_path, SETTINGS)


def test_settings_are_one_string_whatever_their_order() -> None:
    def settings(values: dict) -> str:
        model = Importer("model", Model).with_id("Model")
        ours = Importer("run", ModelRun).with_id("ModelRun")
        node = ServingCheck(model.outputs["result"], ours.outputs["result"], values)
        return node.exec_properties["settings"]

    values = dataclasses.asdict(SETTINGS)
    assert settings(values) == settings(dict(reversed(values.items())))
