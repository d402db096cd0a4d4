"""The last task of a Kubeflow run: what it finds, hands over and returns."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.checks import Check
from components.errors import UsageError
from pipeline.cluster import report as kubeflow_report
from pipeline.cluster.container import attempts_of
from pipeline.cluster.report import KfpOutputs, kfp_metrics, node_results, report_run
from pipeline.config import Config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS
from pipeline.run.node_attempts import NodeAttempt
from pipeline.run.pipeline_run import FinishedRun

pytestmark = pytest.mark.slow

LEAK = Check("data", "leakage", "train, test", 0.2, 0.0, passed=False, advice="Split.")
BEFORE_THE_GATE = (
    "ExampleGen",
    "SchemaGen",
    "StatisticsGen",
    "ExampleValidator",
    "PreviousDataResolver",
    "PreviousModelResolver",
    "DataAudit",
)


@pytest.fixture
def outputs(tmp_path: Path) -> KfpOutputs:
    return KfpOutputs.parse(
        tmp_path / "out" / "report", tmp_path / "out" / "metrics", announced(tmp_path)
    )


def announced(folder: Path) -> str:
    """What KFP tells a task of its outputs: an ``ExecutorInput``."""
    artifact = {
        "name": "metrics",
        "type": {"schemaTitle": "system.Metrics", "schemaVersion": "0.0.1"},
        "uri": "minio://bucket/metrics",
    }
    message = pipeline_spec_pb2.ExecutorInput()
    outputs = {
        "artifacts": {"metrics": {"artifacts": [artifact]}},
        "outputFile": str(folder / "kfp" / "output_metadata.json"),
    }
    json_format.ParseDict({"outputs": outputs}, message)
    return json_format.MessageToJson(message)


def end(config: Config, *nodes: str, **fields: Any) -> None:
    for node in nodes:
        attempt = NodeAttempt(node, **{"state": "done", **fields})
        attempts_of(config, "run-1").write(attempt)


def states(config: Config) -> dict[str, str]:
    results = node_results(
        create_pipeline(config, NO_DIGESTS), attempts_of(config, "run-1")
    )
    return {result.id: result.state for result in results if result.state != "not run"}


def test_what_is_handed_over_is_what_kfp_reads(
    outputs: KfpOutputs, tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text("<p>ä</p>", encoding="utf-8")
    outputs.write(page, {"accuracy": 0.99})

    assert outputs.html.read_text(encoding="utf-8") == "<p>ä</p>"
    assert json.loads(outputs.metrics.read_text()) == {"accuracy": 0.99}
    told = pipeline_spec_pb2.ExecutorOutput()
    json_format.Parse(outputs.output.read_text(), told)
    [artifact] = told.artifacts["metrics"].artifacts
    assert artifact.uri == "minio://bucket/metrics"
    assert dict(artifact.metadata) == {"accuracy": 0.99}


def test_the_place_of_a_missing_report_says_so(
    outputs: KfpOutputs, tmp_path: Path
) -> None:
    outputs.write(tmp_path / "none.html", {"pushed": 0.0})

    assert "There is no report" in outputs.html.read_text()
    assert json.loads(outputs.metrics.read_text()) == {"pushed": 0.0}


@pytest.mark.parametrize("text", ["{{$}}", "{}", '{"outputs": {"artifacts": {}}}', "3"])
def test_an_input_that_announces_nothing_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Expected --executor-input to be KFP's"):
        KfpOutputs.parse(tmp_path / "r", tmp_path / "m", text)


def test_nodes_behind_refused_data_were_not_to_run(config: Config) -> None:
    end(config, *BEFORE_THE_GATE)
    end(config, "DataGate", state="failed", code=3, checks=(LEAK,))

    assert states(config) == {
        **dict.fromkeys(BEFORE_THE_GATE, "done"),
        "DataGate": "failed",
    }


def test_a_node_that_nothing_held_back_could_not_start(config: Config) -> None:
    end(config, "ExampleGen", "PreviousModelResolver")

    assert states(config) == {
        "ExampleGen": "done",
        "PreviousModelResolver": "done",
        "SchemaGen": "failed",
    }
    [error] = [
        result.error
        for result in node_results(
            create_pipeline(config, NO_DIGESTS), attempts_of(config, "run-1")
        )
        if result.error
    ]
    assert str(error).startswith("Expected SchemaGen to start. Received: no sign of it")


def test_the_pusher_was_not_to_run_behind_a_refused_model(config: Config) -> None:
    nodes = [node.id for node in create_pipeline(config, NO_DIGESTS).components]
    end(config, *nodes)
    end(config, "Evaluator", code=4, message="worse")
    (attempts_of(config, "run-1").folder / "Pusher.json").unlink()

    assert states(config) == dict.fromkeys(set(nodes) - {"Pusher"}, "done")


def test_metrics_are_numbers_with_names() -> None:
    metrics = {"accuracy": 0.99, "loss": None, "per_class": {"0": 1.0, "1": None}}
    baseline = {"accuracy": 0.98, "loss": 0.1, "per_class": {"0": 0.5}}
    summary = {"status": "pushed", "metrics": metrics, "baseline": baseline}

    assert kfp_metrics(summary) == {
        "pushed": 1.0,
        "accuracy": 0.99,
        "accuracy_0": 1.0,
        "baseline_accuracy": 0.98,
        "baseline_loss": 0.1,
        "baseline_accuracy_0": 0.5,
    }


def test_a_run_without_metrics_was_not_pushed() -> None:
    summary = {"status": "data_rejected", "metrics": None, "baseline": None}

    assert kfp_metrics(summary) == {"pushed": 0.0}


@pytest.mark.parametrize("gone", ["data", "schema", "attempt"])
def test_a_report_is_written_whatever_file_is_missing(
    gone: str, config: Config, outputs: KfpOutputs, tmp_path: Path
) -> None:
    end(config, *BEFORE_THE_GATE)
    missing = {gone: tmp_path / "nowhere"} if gone != "attempt" else {}
    if gone == "attempt":
        (attempts_of(config, "run-1").folder / "SchemaGen.json").write_text("{")

    report_run(dataclasses.replace(config, **missing), "run-1", outputs)

    summary = json.loads((config.reports / "run-1" / "summary.json").read_text())
    assert summary["status"] == "failed"
    assert "The report lacks the metrics" not in str(summary)
    if gone == "schema":
        assert any("No such file" in problem for problem in summary["problems"])
        assert "The report lacks digests" in outputs.html.read_text()
    if gone == "attempt":
        assert summary["failure"]["cause"].startswith(
            "Expected how SchemaGen ended in "
        )
    assert "<html" in outputs.html.read_text()


@pytest.mark.parametrize("refused", [{}, {"code": 4, "message": "worse"}])
def test_the_report_is_handed_over_whatever_happened(
    refused: dict,
    config: Config,
    outputs: KfpOutputs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    end(config, *(node.id for node in create_pipeline(config, NO_DIGESTS).components))
    end(config, "Evaluator", **refused)

    def conclude(config: Config, run_id: str, results, *_, **__) -> FinishedRun:
        page = config.reports / run_id / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text("the report")
        summary = {
            "status": "model_rejected" if refused else "pushed",
            "metrics": None,
            "baseline": None,
            "checks": [],
            "model": {"path": "serving/1"},
            "components": [],
            "seconds": 1.0,
        }
        return FinishedRun(summary, results)

    monkeypatch.setattr(kubeflow_report, "conclude", conclude)

    report_run(config, "run-1", outputs)

    assert outputs.html.read_text() == "the report"
    said = "Evaluator stopped the run: worse" in capsys.readouterr().out
    assert said == bool(refused)
