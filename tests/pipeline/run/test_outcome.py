"""From what a run left to its status, its checks and its ``summary.json``."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.checks import Check, GateError, write_checks
from components.classes import DIGITS
from components.data.audit_files import write_audit
from components.data.audit_findings import Finding
from components.data.audit_records import Records
from components.publishing.choice import Choice, write_choice
from components.publishing.manifest import facts_of
from components.publishing.store import ModelStore
from pipeline.config import Config, to_dict
from pipeline.local_runner import NodeResult
from pipeline.metadata.lineage import RunArtifact
from pipeline.reporting.outcome import read_outcome
from pipeline.run import outcome
from pipeline.run.outcome import (
    read_all_checks,
    read_suspects,
    status,
    summarize,
)

PUSHED = {"pushed": 1, "pushed_destination": "/w/serving/mnist/7", "pushed_version": 7}
BLESSED, NOT_BLESSED = {"blessed": 1}, {"blessed": 0}
ALL_BLESSED = dict.fromkeys(("Evaluator", "ModelAudit", "ServingCheck"), BLESSED)
CLASSES = [f"class {label}" for label in range(10)]
DIGESTS = {"code": "c0de", "data": "da7a", "schema": "5c"}
ORIGIN = {**DIGESTS, "classes": CLASSES, "rebaseline": False}
DONE = [NodeResult("Trainer", "done", 1.234), NodeResult("Pusher", "done", 0.5)]


@attrs.frozen
class FakeLineage:
    """Stands in for ``RunLineage``: "node.output" to artifact."""

    artifacts: dict[str, RunArtifact]
    run_id: str = "run-1"

    def output(self, node_id: str, name: str) -> RunArtifact | None:
        return self.artifacts.get(f"{node_id}.{name}")

    resolved = output

    def maker(self, uri: str) -> str | None:
        return f"maker of {uri}"


def lineage(**nodes: dict) -> FakeLineage:
    """Outputs with properties, by node; each node has one that counts here."""
    names = {
        "Pusher": "pushed_model",
        "Evaluator": "blessing",
        "ModelAudit": "blessing",
        "ServingCheck": "blessing",
    }
    return FakeLineage(
        {
            f"{node}.{names[node]}": RunArtifact("/nowhere", properties)
            for node, properties in nodes.items()
        }
    )


def check(name: str, passed: bool = True, gate="data") -> Check:
    return Check(gate, name, "train", 0.5, 0.25, passed, advice="Mend it.")


def test_a_pushed_model_is_pushed() -> None:
    found = lineage(Evaluator=BLESSED, ServingCheck=BLESSED, Pusher=PUSHED)

    assert status(DONE, found) == "pushed"


def test_a_cached_push_is_pushed() -> None:
    cached = [NodeResult("Trainer", "cached"), NodeResult("Pusher", "cached")]

    assert status(cached, lineage(Evaluator=BLESSED, Pusher=PUSHED)) == "pushed"


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ({**ALL_BLESSED, "Evaluator": NOT_BLESSED}, "model_rejected"),
        ({**ALL_BLESSED, "ModelAudit": NOT_BLESSED}, "model_rejected"),
        ({**ALL_BLESSED, "ServingCheck": NOT_BLESSED}, "serving_rejected"),
        (dict.fromkeys(ALL_BLESSED, NOT_BLESSED), "model_rejected"),
        (ALL_BLESSED, "failed"),
        ({"ServingCheck": BLESSED}, "model_rejected"),
        ({"Evaluator": BLESSED, "ModelAudit": BLESSED}, "serving_rejected"),
    ],
)
def test_without_a_push_the_first_gate_that_refused_is_named(nodes, expected) -> None:
    assert status(DONE, lineage(**nodes, Pusher={"pushed": 0})) == expected
    assert status(DONE, lineage(**nodes)) == expected


def test_a_node_that_failed_is_a_failure_whatever_was_pushed_before() -> None:
    results = [
        NodeResult("Trainer", "failed", error=ValueError("x")),
        NodeResult("Pusher", "not run"),
    ]

    assert status(results, lineage(Pusher=PUSHED)) == "failed"


@pytest.mark.parametrize(
    ("failed", "nodes", "expected"),
    [
        ("Evaluator", {"ServingCheck": NOT_BLESSED}, "serving_rejected"),
        ("Evaluator", {"ServingCheck": BLESSED}, "failed"),
        ("Evaluator", {}, "failed"),
        ("Trainer", {"ServingCheck": NOT_BLESSED}, "failed"),
    ],
)
def test_a_model_that_cannot_serve_is_told_from_one_that_cannot_be_evaluated(
    failed, nodes, expected
) -> None:
    results = [NodeResult(failed, "failed", error=ValueError("no such signature"))]

    assert status(results, lineage(**nodes)) == expected


def test_a_data_gate_that_refused_is_told_from_a_failure() -> None:
    error = GateError([check("leakage", passed=False)])
    results = [NodeResult("DataGate", "failed", error=error)]

    assert status(results, lineage()) == "data_rejected"


def test_a_training_that_gave_no_model_is_a_rejected_model() -> None:
    error = GateError([check("training loss", passed=False, gate="model")])
    results = [NodeResult("Trainer", "failed", error=error)]

    assert status(results, lineage(Pusher=PUSHED)) == "model_rejected"


def test_checks_of_all_gates_come_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts = {}
    for node, output, gate in (
        ("ServingCheck", "blessing", "serving"),
        ("DataGate", "verdict", "data"),
    ):
        (tmp_path / node).mkdir()
        write_checks(tmp_path / node, [check(f"of {node}", gate=gate)])
        artifacts[f"{node}.{output}"] = RunArtifact(str(tmp_path / node), {})
    config, evaluation, names = Config(), object(), list("abcdefghij")
    calls = []

    def model_checks(*args) -> list[Check]:
        calls.append(args)
        return [check("of Evaluator", gate="model")]

    monkeypatch.setattr(outcome, "model_checks", model_checks)

    found = read_all_checks(config, DONE, FakeLineage(artifacts), evaluation, names)

    assert [c.name for c in found] == ["of DataGate", "of Evaluator", "of ServingCheck"]
    assert calls == [(evaluation, config.evaluation, names)]


def test_checks_of_a_gate_that_raised_are_kept() -> None:
    checks = [check("size"), check("leakage", passed=False)]
    results = [NodeResult("DataGate", "failed", error=GateError(checks))]

    assert read_all_checks(Config(), results, FakeLineage({}), None, DIGITS) == checks


def test_a_run_that_never_came_to_a_gate_has_no_checks() -> None:
    assert read_all_checks(Config(), DONE, FakeLineage({}), None, DIGITS) == []


SURROUNDINGS = {"started": "2026-01-01T12:00:00+00:00", "commit": None}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(pipeline="digits", workspace=tmp_path / "w")


@pytest.fixture
def version(tmp_path: Path, config: Config) -> int:
    """A published version of the model of the run."""
    export = tmp_path / "model" / "Format-Serving"
    export.mkdir(parents=True)
    (export / "saved_model.pb").write_bytes(b"graph")
    facts = {"pipeline": "digits", "run_id": "run-1", "digests": {}, "metrics": None}
    facts |= {"baseline": None, "checks": [], "versions": {}}
    return ModelStore(config.serving).publish(export, facts)


@pytest.fixture
def complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> FakeLineage:
    """Statistics, a trained and evaluated model, a push."""
    for split, count in (("train", 11), ("val", 5), ("test", 7)):
        folder = tmp_path / "statistics" / f"Split-{split}"
        folder.mkdir(parents=True)
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.datasets.add(num_examples=count)
        (folder / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "history.json").write_text(
        '{"epochs": {}, "parameters": 42, "precision": "float32", '
        '"temperature": {"value": 0.5}}'
    )
    evaluation = SimpleNamespace(
        as_dict=lambda model="candidate": {"accuracy": 0.5, "of": model}
    )
    monkeypatch.setattr(outcome, "EvaluationMetrics", lambda *_: evaluation)
    monkeypatch.setattr(outcome, "describe_surroundings", lambda s: SURROUNDINGS)
    monkeypatch.setattr(outcome, "model_checks", lambda *_: [check("accuracy")])
    choice = write_choice(Choice("the model that serves", 5), tmp_path, [])
    return FakeLineage(
        {
            "BaselineResolver.choice": RunArtifact(choice.uri, {}),
            "BaselineResolver.model": RunArtifact("/baseline", {}),
            "Trainer.model": RunArtifact(str(tmp_path / "model"), {}),
            "StatisticsGen.statistics": RunArtifact(str(tmp_path / "statistics"), {}),
            "Trainer.model_run": RunArtifact(str(tmp_path / "run"), {}),
            "Evaluator.evaluation": RunArtifact("/evaluation", {}),
            "Pusher.pushed_model": RunArtifact(
                "/pushed", {"pushed": 1, "pushed_version": str(version)}
            ),
        }
    )


def test_a_complete_run_fills_the_summary(
    complete: FakeLineage, config: Config, version: int
) -> None:
    path = str(config.serving / str(version))
    summary = summarize(config, "run-1", DONE, complete, 61.26, ORIGIN)

    for key, value in SURROUNDINGS.items():
        assert summary.pop(key) == value
    assert summary.pop("versions").keys() == {"python", "tfx", "tensorflow", "beam"}
    assert summary == {
        "run_id": "run-1",
        "pipeline": "digits",
        "status": "pushed",
        "failure": None,
        "components": [
            {"id": "Trainer", "state": "done", "seconds": 1.23, "cached": False},
            {"id": "Pusher", "state": "done", "seconds": 0.5, "cached": False},
        ],
        "data": {"train": 11, "val": 5, "test": 7},
        "classes": CLASSES,
        "metrics": {"accuracy": 0.5, "of": "candidate"},
        "baseline": {"accuracy": 0.5, "of": "baseline"},
        "baseline_model": {
            "uri": "/baseline",
            "version": "5",
            "run_id": "maker of /baseline",
            "why": "the model that serves",
        },
        "warm_start_model": None,
        "checks": [attrs.asdict(check("accuracy"))],
        "suspects": None,
        "model": {
            "path": path,
            "version": str(version),
            "parameters": 42,
            "precision": "float32",
            "temperature": 0.5,
        },
        "serving": {
            "path": path,
            "version": str(version),
            "run_id": "run-1",
            "rollback_of": None,
            "state": "published",
            "text": "",
        },
        "seconds": 61.3,
        "config": to_dict(config),
        "digests": DIGESTS,
    }


@pytest.mark.parametrize(
    ("gone", "said", "key", "left"),
    [
        ("run/history.json", "the training", "model", {"parameters": None}),
        ("run", "the training", "model", {"precision": None, "temperature": None}),
        ("statistics/Split-val/FeatureStats.pb", "the examples", "data", {}),
        ("statistics", "the examples", "data", {}),
    ],
)
@pytest.mark.parametrize("damage", ["removed", "damaged"])
def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_there(
    complete: FakeLineage,
    config: Config,
    tmp_path: Path,
    gone: str,
    said: str,
    key: str,
    left: dict,
    damage: str,
) -> None:
    file = tmp_path / gone
    if file.is_dir():
        shutil.rmtree(file)
    elif damage == "removed":
        file.unlink()
    else:
        file.write_bytes(b"\xff{")

    summary = summarize(config, "run-1", DONE, complete, 61.26, ORIGIN)

    [problem] = summary["problems"]
    assert problem.startswith(f"The report lacks {said}: ")
    assert summary[key].items() >= left.items()
    assert summary["status"] == "pushed"
    assert summary["metrics"] == {"accuracy": 0.5, "of": "candidate"}
    assert problem in read_outcome(summary).warnings


def test_metrics_and_checks_that_are_gone_are_told(tmp_path: Path) -> None:
    names = ("DataGate.verdict", "Evaluator.evaluation", "ServingCheck.blessing")
    nowhere = {name: RunArtifact(str(tmp_path / name), {}) for name in names}

    summary = summarize(Config(), "run-1", DONE, FakeLineage(nowhere), 1.0, ORIGIN)

    assert [text.partition(":")[0] for text in summary["problems"]] == [
        "The report lacks the metrics",
        "The report lacks the checks of DataGate",
        "The report lacks the checks of ServingCheck",
    ]
    assert (summary["metrics"], summary["checks"]) == (None, [])


def test_a_version_that_is_gone_by_the_end_is_not_said_to_be_pushed(
    complete: FakeLineage, config: Config
) -> None:
    shutil.rmtree(config.serving)
    summary = summarize(config, "run-1", DONE, complete, 1.0, ORIGIN)

    assert summary["status"] == "failed"
    assert summary["failure"] == {
        "node": "Pusher",
        "cause": "Expected the pushed model to serve. Received: no version in "
        f"{config.serving}. Run again, which publishes it anew.",
    }
    assert (summary["model"]["path"], summary["model"]["version"]) == (None, None)


def test_a_version_that_is_not_whole_is_not_said_to_be_pushed(
    complete: FakeLineage, config: Config, version: int
) -> None:
    (config.serving / str(version) / "saved_model.pb").unlink()
    summary = summarize(config, "run-1", DONE, complete, 1.0, ORIGIN)

    assert summary["status"] == "failed"
    received = f"Received: version {version}, not whole: 'saved_model.pb' missing."
    assert received in summary["failure"]["cause"]


def test_a_later_push_of_another_run_is_named(
    complete: FakeLineage, config: Config, version: int, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "saved_model.pb").write_bytes(b"another graph")
    store = ModelStore(config.serving)
    later = store.publish(other, facts_of(store.manifest(version)) | {"run_id": "r-2"})
    summary = summarize(config, "run-1", DONE, complete, 1.0, ORIGIN)

    assert (summary["status"], summary["model"]["version"]) == ("pushed", str(later))
    assert (summary["serving"]["state"], summary["serving"]["text"]) == (
        "superseded",
        f"Version {later} of run r-2 was published later and serves.",
    )


def test_a_choice_whose_file_is_gone_is_told(
    complete: FakeLineage, config: Config, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "ModelChoice")
    summary = summarize(config, "run-1", DONE, complete, 1.0, ORIGIN)

    assert (summary["status"], summary["baseline_model"]) == ("pushed", None)
    [problem] = summary["problems"]
    assert problem.startswith("The report lacks the choice of BaselineResolver: ")


def test_the_summary_is_json(complete: FakeLineage, config: Config) -> None:
    summary = summarize(config, "run-1", DONE, complete, 1.0, ORIGIN)

    assert json.loads(json.dumps(summary)) == summary


def test_a_run_that_failed_at_once_has_a_summary_too() -> None:
    results = [
        NodeResult("ExampleGen", "failed", 0.1, OSError("no disk")),
        NodeResult("Pusher", "not run"),
    ]
    summary = summarize(Config(), "run-1", results, FakeLineage({}), 1.0, ORIGIN)

    assert summary["status"] == "failed"
    assert summary["failure"] == {"node": "ExampleGen", "cause": "OSError: no disk"}
    assert summary["components"] == [
        {"id": "ExampleGen", "state": "failed", "seconds": 0.1, "cached": False},
        {"id": "Pusher", "state": "not run", "seconds": 0.0, "cached": False},
    ]
    assert summary["data"] == {}
    assert summary["metrics"] is None
    assert summary["baseline"] is None
    assert summary["checks"] == []
    assert summary["model"] == {
        "path": None,
        "version": None,
        "parameters": None,
        "precision": None,
        "temperature": None,
    }


def test_the_list_of_the_records_that_checks_speak_of_is_named(tmp_path: Path) -> None:
    images = np.zeros((9, 28, 28), np.uint8)
    place = np.arange(9)
    train = Records(images, place, ("train.gz",), place * 0, place, 9)
    findings = [
        Finding("odd", "train", 0.5, 9, "", "train", place[:4], np.ones(4, "f4")),
        Finding("whole", "train", 0.5, 9),
    ]
    write_audit(tmp_path, findings, {"train": train})
    found = FakeLineage({"DataAudit.audit": RunArtifact(str(tmp_path), {})})
    listed = {"file": str(tmp_path / "suspects.csv"), "records": 4}

    assert read_suspects(found, [check("odd", passed=False)]) == listed
    assert read_suspects(found, [check("odd")]) is None
    assert read_suspects(found, [check("whole", passed=False)]) is None
    assert read_suspects(found, [check("odd", passed=False, gate="model")]) is None
    assert read_suspects(lineage(), [check("odd", passed=False)]) is None


def test_a_gate_that_refused_is_no_failure() -> None:
    error = GateError([check("leakage", passed=False)])
    results = [NodeResult("DataGate", "failed", error=error)]
    summary = summarize(Config(), "run-1", results, FakeLineage({}), 1.0, ORIGIN)

    assert summary["status"] == "data_rejected"
    assert summary["failure"] is None


def test_a_cached_node_is_marked() -> None:
    results = [NodeResult("Trainer", "cached", 0.01)]
    [component] = summarize(Config(), "r", results, FakeLineage({}), 1.0, ORIGIN)[
        "components"
    ]

    assert (component["state"], component["cached"]) == ("cached", True)
