"""One node of a run by itself: run once, refuse for good, go on after a kill."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.metadata import Metadata

from components.checkout import PROJECT_ROOT
from components.checks import Check, GateError
from components.errors import PipelineError, UsageError
from pipeline.cluster import node as node_execution
from pipeline.cluster.container import attempts_of, run_config
from pipeline.cluster.node import run_node_of
from pipeline.config import Config
from pipeline.local_runner import NodeResult
from pipeline.metadata.lineage import RunLineage, run_executions
from pipeline.metadata.store import sqlite_connection
from pipeline.run.node_attempts import NodeAttempt

pytestmark = pytest.mark.slow

LEAK = Check("data", "leakage", "train, test", 0.2, 0.0, passed=False, advice="Split.")
LOW = Check("model", "accuracy", "overall", 0.5, 0.9, passed=False, advice="Train.")


NODES = (
    "ExampleGen",
    "SchemaGen",
    "StatisticsGen",
    "ExampleValidator",
    "PreviousDataResolver",
    "PreviousModelResolver",
    "DataAudit",
    "DataGate",
    "Transform",
    "Trainer",
    "BaselineResolver",
    "ServingCheck",
    "Evaluator",
    "ModelAudit",
)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces running a node: it ends well unless ``stub`` says otherwise."""
    ids = []

    def run_node(compiled, spec, explain) -> NodeResult:
        ids.append(spec.node_info.id)
        return NodeResult(spec.node_info.id, "done", 1.5)

    monkeypatch.setattr(node_execution, "run_node", run_node)
    return ids


def executions(config: Config, run_id: str) -> list[tuple[str, int]]:
    with Metadata(sqlite_connection(config.metadata)) as handle:
        return [
            (node, execution.last_known_state)
            for node, execution in run_executions(handle.store, run_id)
        ]


def put_execution(config: Config, run_id: str, node: str, state: int) -> int:
    """Stores an execution as TFX does: in the contexts of its run and node."""
    config.workspace.mkdir(exist_ok=True)
    names = {"pipeline_run": run_id, "node": f"mnist.{node}"}
    with Metadata(sqlite_connection(config.metadata)) as handle:
        store = handle.store
        contexts = [
            mlmd.Context(
                type_id=store.put_context_type(mlmd.ContextType(name=kind)), name=name
            )
            for kind, name in names.items()
        ]
        kind = store.put_execution_type(mlmd.ExecutionType(name="any"))
        number, _, _ = store.put_execution(
            mlmd.Execution(type_id=kind, last_known_state=state),
            [],
            contexts,
            reuse_context_if_already_exist=True,
        )
    return number


def test_a_node_runs_once_a_run(config: Config) -> None:
    attempt = run_node_of(config, "SchemaGen", "run-1")
    again = run_node_of(config, "SchemaGen", "run-1")

    assert (attempt.state, attempt.code) == ("done", 0)
    assert (again.state, again.code) == ("done", 0)
    assert again.seconds == attempt.seconds
    assert executions(config, "run-1") == [("SchemaGen", mlmd.Execution.COMPLETE)]
    schema = RunLineage(config.metadata, "run-1").output("SchemaGen", "schema")
    assert (Path(schema.uri) / "schema.pbtxt").read_text() == config.schema.read_text()
    assert attempts_of(config, "run-1").read("SchemaGen") == again


def test_another_run_takes_the_result_from_the_cache(config: Config) -> None:
    run_node_of(config, "SchemaGen", "run-1")

    assert run_node_of(config, "SchemaGen", "run-2").state == "cached"


def test_a_killed_attempt_is_cleared_and_made_again(config: Config) -> None:
    run_node_of(config, "SchemaGen", "run-1")
    with Metadata(sqlite_connection(config.metadata)) as handle:
        [(_, execution)] = run_executions(handle.store, "run-1")
        execution.last_known_state = mlmd.Execution.RUNNING
        handle.store.put_executions([execution])
    half = config.artifacts / "SchemaGen" / "schema" / str(execution.id) / "half"
    half.touch()
    attempts_of(config, "run-1").write(NodeAttempt("SchemaGen", "running"))

    attempt = run_node_of(config, "SchemaGen", "run-1")

    # Its success was lost with the kill, so nothing is there to be cached.
    assert (attempt.state, attempt.code) == ("done", 0)
    assert executions(config, "run-1") == [("SchemaGen", mlmd.Execution.COMPLETE)]
    assert not half.exists()


def test_an_unknown_node_is_refused(config: Config) -> None:
    with pytest.raises(UsageError, match="Expected --node to be one of ExampleGen, "):
        run_node_of(config, "Nope", "run-1")


def test_a_node_does_not_run_before_its_upstream(
    config: Config, launched: list[str]
) -> None:
    put_execution(config, "run-1", "SchemaGen", mlmd.Execution.CACHED)
    put_execution(config, "run-1", "ExampleGen", mlmd.Execution.FAILED)

    attempt = run_node_of(config, "StatisticsGen", "run-1")

    assert (attempt.state, attempt.code) == ("failed", 1)
    assert attempt.message.startswith(
        "Expected ExampleGen to have ended well before StatisticsGen in run run-1."
    )
    assert launched == []


def test_refused_data_stays_refused(config: Config, monkeypatch) -> None:
    for node in (
        "ExampleGen",
        "SchemaGen",
        "StatisticsGen",
        "ExampleValidator",
        "PreviousDataResolver",
        "PreviousModelResolver",
        "DataAudit",
    ):
        put_execution(config, "run-1", node, mlmd.Execution.COMPLETE)
    error = GateError([LEAK])
    monkeypatch.setattr(
        node_execution,
        "run_node",
        lambda *_: NodeResult("DataGate", "failed", 0.5, error),
    )
    first = run_node_of(config, "DataGate", "run-1")
    monkeypatch.setattr(node_execution, "run_node", lambda *_: pytest.fail("again"))

    assert run_node_of(config, "DataGate", "run-1") == first
    assert (first.state, first.code, first.checks) == ("failed", 3, (LEAK,))
    assert first.message == ("data gate: leakage, train, test: 0.2, bound 0\nSplit.")


def test_a_node_that_fails_may_be_tried_again(config: Config, monkeypatch) -> None:
    error = ValueError("no luck\nat all")
    monkeypatch.setattr(
        node_execution,
        "run_node",
        lambda *_: NodeResult("SchemaGen", "failed", 0.5, error),
    )
    attempt = run_node_of(config, "SchemaGen", "run-1")
    monkeypatch.undo()
    monkeypatch.delenv("MLMD_HOST", raising=False)

    assert (attempt.code, attempt.message) == (1, "ValueError: no luck")
    assert run_node_of(config, "SchemaGen", "run-1").state == "done"


ALL_BLESSED = {"Evaluator": 1, "ModelAudit": 1, "ServingCheck": 1}


class FakeLineage:
    """Stands in for ``RunLineage``: blessings by node."""

    blessed: dict[str, int]

    def __init__(self, store, run_id: str) -> None:
        pass

    def output(self, node_id: str, name: str):
        if node_id not in self.blessed:
            return None
        properties = {"blessed": self.blessed[node_id], "pushed": self.blessed[node_id]}
        return type("Artifact", (), {"uri": "none", "properties": properties})


@pytest.mark.parametrize(
    ("node", "blessed", "code"),
    [
        ("Evaluator", {"Evaluator": 1}, 0),
        ("Evaluator", {"Evaluator": 0}, 4),
        ("Evaluator", {}, 4),
        ("ServingCheck", {"ServingCheck": 1}, 0),
        ("ServingCheck", {"ServingCheck": 0}, 5),
        ("ModelAudit", {"ModelAudit": 1}, 0),
        ("ModelAudit", {"Evaluator": 1, "ModelAudit": 0}, 4),
        ("Pusher", {**ALL_BLESSED, "Pusher": 1}, 0),
        ("Pusher", {**ALL_BLESSED, "Evaluator": 0, "Pusher": 0}, 4),
        ("Pusher", {**ALL_BLESSED, "ModelAudit": 0, "Pusher": 0}, 4),
        ("Pusher", {**ALL_BLESSED, "ServingCheck": 0, "Pusher": 0}, 5),
        ("Pusher", {**ALL_BLESSED, "Pusher": 0}, 1),
        ("Trainer", {}, 0),
    ],
)
def test_a_gate_that_refuses_the_model_says_so(
    node: str, blessed, code: int, config: Config, launched, monkeypatch
) -> None:
    for upstream in NODES:
        if upstream != node:
            put_execution(config, "run-1", upstream, mlmd.Execution.COMPLETE)
    monkeypatch.setattr(FakeLineage, "blessed", blessed, raising=False)
    monkeypatch.setattr(node_execution, "RunLineage", FakeLineage)
    monkeypatch.setattr(node_execution, "read_metrics", lambda *_: None)
    monkeypatch.setattr(node_execution, "read_all_checks", lambda *_: [LEAK, LOW])

    attempt = run_node_of(config, node, "run-1")

    assert (attempt.state, attempt.code) == ("done", code)
    assert launched == [node]
    if (node, code) == ("Evaluator", 4):
        assert attempt.checks == (LOW,)
        assert attempt.message == (
            "model gate: accuracy, overall: 0.5, bound 0.9\nTrain."
        )


def options(**changed) -> dict:
    return {
        "run_id": "run-1",
        "preset": "quick",
        "file": None,
        "settings": (),
        "overrides": "[]",
        "data": "",
        "workspace": Path("w"),
        **changed,
    }


def test_overrides_go_on_top_of_settings() -> None:
    config = run_config(
        **options(
            settings=("train.epochs=2", "train.seed=7"),
            overrides='["train.epochs=3", "pipeline=digits"]',
        )
    )

    assert (config.train.epochs, config.train.seed) == (3, 7)
    assert (config.preset, config.pipeline) == ("quick", "digits")


def test_the_data_may_be_a_uri(tmp_path: Path) -> None:
    assert run_config(**options(data=f"file://{tmp_path}")).data == tmp_path
    assert run_config(**options(data=str(tmp_path))).data == tmp_path


def test_a_report_needs_no_data() -> None:
    config = run_config(**options(data="/nowhere/at/all"), needs_data=False)

    assert config.data == Path("/nowhere/at/all")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"run_id": "{{$.pipeline_job_uuid}}"}, "Expected --run-id of letters"),
        ({"run_id": "../up"}, "Expected --run-id of letters"),
        ({"overrides": "train.epochs=3"}, "Expected --overrides to be a JSON list"),
        ({"overrides": "[3]"}, "Expected --overrides to be a JSON list"),
        ({"overrides": '["train.epoch=3"]'}, "Unknown configuration key train.epoch"),
        ({"data": "s3://bucket/mnist"}, "Expected --data to be a folder, or file://"),
        ({"data": "/nowhere/at/all"}, "Expected --data to name a folder"),
        ({"preset": "fast"}, "Expected --preset to be one of"),
    ],
)
def test_wrong_options_are_refused(changed, expected: str) -> None:
    with pytest.raises(PipelineError) as caught:
        run_config(**options(**changed))

    assert str(caught.value).startswith(expected)
    assert caught.value.exit_code == 2


def test_the_process_says_in_a_sentence_why_it_cannot_start(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hidden")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pipeline.node_runner", "--node", "SchemaGen"),
            *("--run-id", "run-1", "--workspace", str(tmp_path / "w")),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT_ROOT),
            "MLMD_HOST": "127.0.0.1",
            "MLMD_PORT": "1",
            "MLMD_DATABASE": "runs",
            "MLMD_USER": "mnist",
            "MLMD_PASSWORD_FILE": str(file),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 1
    assert done.stdout == (
        "Error: Expected to open the metadata store: PostgreSQL database runs at "
        "127.0.0.1:1, user mnist. Received: no answer (Connection refused). "
        "Check MLMD_HOST and MLMD_PORT, and that the database runs.\n"
    )
    assert "hidden" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
