"""The report of a run whose nodes ran in containers, and KFP's copies of it.

``exit_handler`` calls it in a container of its own.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx.orchestration.pipeline import Pipeline

from components.classes import DIGITS
from components.durable import explain_full_disk, replace_text
from components.errors import PipelineError, UsageError
from pipeline.cluster.container import attempts_of, open_store
from pipeline.cluster.input_digests import run_digests
from pipeline.config import Config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS, Digests
from pipeline.local_runner import NodeResult
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.lineage import RunLineage, run_executions
from pipeline.reporting import PAGE_FILE
from pipeline.reporting.text import print_summary, terminal
from pipeline.run.interrupted import UNFINISHED, clear_execution
from pipeline.run.node_attempts import NodeAttempts
from pipeline.run.outcome import Salvage
from pipeline.run.pipeline_run import FinishedRun, conclude
from pipeline.run.screen import NodeScreen

_METRICS = "metrics"
_UNKNOWN = Digests("unknown", "unknown", "unknown", DIGITS, {})
_NO_PAGE = "<p>There is no report; the log of the task says why.</p>"


@attrs.frozen
class KfpOutputs:
    """Where Kubeflow Pipelines looks for what the task returns.

    Attributes:
      html: file of the HTML artifact.
      metrics: file of the Metrics artifact; KFP shows what ``output`` says of it.
      output: file that describes the artifacts.
      artifact: the Metrics artifact as KFP announced it.
    """

    html: Path
    metrics: Path
    output: Path
    artifact: Mapping[str, Any]

    @classmethod
    def parse(cls, html: Path, metrics: Path, executor_input: str) -> "KfpOutputs":
        """Reads KFP's ``ExecutorInput``, as JSON.

        Raises:
          UsageError: it does not announce the metrics.
        """
        try:
            outputs = json.loads(executor_input)["outputs"]
            [artifact] = outputs["artifacts"][_METRICS]["artifacts"]
            return cls(html, metrics, Path(outputs["outputFile"]), artifact)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(
                "Expected --executor-input to be KFP's ExecutorInput with an artifact "
                f"{_METRICS!r} and an outputFile. Received: {executor_input[:200]} "
                f"({type(error).__name__}: {error}). Kubeflow Pipelines puts it there."
            ) from None

    def write(self, page: Path, metrics: Mapping[str, float]) -> None:
        """Hands over the report and the metrics, each file whole or not at all.

        Args:
          page: the report; where there is none, its place says so.
          metrics: name to value.
        """
        described = {**self.artifact, "metadata": dict(metrics)}
        texts = {
            self.html: page.read_text(encoding="utf-8") if page.is_file() else _NO_PAGE,
            self.metrics: json.dumps(metrics, indent=2) + "\n",
            self.output: json.dumps(
                {"artifacts": {_METRICS: {"artifacts": [described]}}}
            ),
        }
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            replace_text(file, text)


def report_run(config: Config, run_id: str, outputs: KfpOutputs) -> None:
    """Writes the report of a run and shows how it ended.

    Files that are missing, be it the data, are told in the report and not fatal.

    Args:
      config: of the run.
      run_id: names the run; no node of it runs any more.
      outputs: where KFP looks for the report and the metrics.
    """
    attempts = attempts_of(config, run_id)
    with (
        explain_full_disk(config.workspace),
        open_store(config, f"report of run {run_id}") as connection,
    ):
        _clear_killed(config, run_id, connection)
        salvage = Salvage()
        digests = salvage.read(
            "digests", lambda: run_digests(config, attempts), _UNKNOWN
        )
        finished = conclude(
            config,
            run_id,
            node_results(create_pipeline(config, NO_DIGESTS), attempts),
            RunLineage(connection, run_id),
            seconds=time.time() - attempts.started(),
            origin={**digests.origin, "problems": salvage.problems},
            screen=NodeScreen(sys.stdout),
        )
    outputs.write(config.reports / run_id / PAGE_FILE, kfp_metrics(finished.summary))
    _show(finished, attempts)


def node_results(pipeline: Pipeline, attempts: NodeAttempts) -> list[NodeResult]:
    """Returns how each node ended, from what the nodes wrote down.

    A node that nothing kept from starting, and that did not, has failed: its
    container could not be made.
    """
    results = attempts.results(node.id for node in pipeline.components)
    ready = {
        result.id
        for result in results
        if result.state in ("done", "cached") and not _code(attempts, result.id)
    }
    upstream = {
        node.id: {other.id for other in node.upstream_nodes}
        for node in pipeline.components
    }
    return [
        NodeResult(result.id, "failed", error=_never_started(result.id))
        if result.state == "not run" and upstream[result.id] <= ready
        else result
        for result in results
    ]


def kfp_metrics(summary: Mapping[str, Any]) -> dict[str, float]:
    """Returns the numbers of a run that KFP shows and compares, by name.

    Args:
      summary: the content of ``summary.json``.
    """
    found = {"pushed": float(summary["status"] == "pushed")}
    for prefix, metrics in (
        ("", summary["metrics"]),
        ("baseline_", summary["baseline"]),
    ):
        if not metrics:
            continue
        values = {"accuracy": metrics["accuracy"], "loss": metrics["loss"]}
        for digit, accuracy in metrics["per_class"].items():
            values[f"accuracy_{digit}"] = accuracy
        found |= {f"{prefix}{k}": v for k, v in values.items() if v is not None}
    return found


def _clear_killed(config: Config, run_id: str, connection: ConnectionConfig) -> None:
    with open_metadata(connection) as handle:
        for _, execution in run_executions(handle.store, run_id):
            if execution.last_known_state in UNFINISHED:
                clear_execution(handle.store, execution, config)


def _show(finished: FinishedRun, attempts: NodeAttempts) -> None:
    for result in finished.results:
        attempt = attempts.read(result.id)
        if attempt and attempt.code:
            print(f"{result.id} stopped the run: {attempt.message}")
        elif result.error is not None:
            print(f"{result.id} failed: {result.error}")
    print_summary(terminal(sys.stdout), finished.summary)
    sys.stdout.flush()


def _code(attempts: NodeAttempts, node_id: str) -> int:
    attempt = attempts.read(node_id)
    return attempt.code if attempt else 0


def _never_started(node_id: str) -> PipelineError:
    return PipelineError(
        f"Expected {node_id} to start. Received: no sign of it, though those before it "
        "ended well. Look at the events of its pod: the image, the volume, the "
        "Secret, and whether a machine has the resources that it asks for."
    )
