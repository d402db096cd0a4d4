"""Turns what a run left in the metadata store into its outcome: ``summary.json``."""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import tensorflow_data_validation as tfdv

from components.checks import (
    Check,
    DataRejectedError,
    GateError,
    ModelRejectedError,
    read_checks,
)
from components.features import SPLITS
from components.metrics import BASELINE, EvaluationMetrics
from components.model_choice import CHOICE_FILE, Choice, read_choice
from components.model_gate import model_checks
from components.trainer import HISTORY_FILE
from pipeline.config import Config, to_dict
from pipeline.lineage import RunLineage
from pipeline.local_runner import NodeResult
from pipeline.publication import Publication, read_publication
from pipeline.reporting.text import cause
from pipeline.surroundings import describe_surroundings


def summarize(
    config: Config,
    run_id: str,
    results: Sequence[NodeResult],
    lineage: RunLineage,
    seconds: float,
    origin: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns the content of ``summary.json``, complete as far as the run came.

    Args:
      config: of the run.
      run_id: names the run.
      results: one for each node, in order.
      lineage: of the run.
      seconds: from start to end.
      origin: digests and class names, from ``definition.provenance``.
    """
    evaluation = read_metrics(lineage)
    ended = status(results, lineage)
    publication = _publication(config, results, lineage) if ended == "pushed" else None
    lost = publication.problem if publication else ""
    return {
        "run_id": run_id,
        "pipeline": config.pipeline,
        **describe_surroundings(seconds),
        "status": "failed" if lost else ended,
        "failure": {"node": "Pusher", "cause": lost} if lost else _failure(results),
        "components": [_component(result) for result in results],
        "data": read_counts(lineage),
        "classes": list(origin["classes"]),
        "metrics": evaluation.summary() if evaluation else None,
        "baseline": evaluation.summary(BASELINE) if evaluation else None,
        "baseline_model": read_choice_of(lineage, "BaselineResolver"),
        "warm_start_model": read_choice_of(lineage, "WarmStartResolver"),
        "checks": [
            attrs.asdict(check)
            for check in read_all_checks(config, results, lineage, evaluation)
        ],
        "model": read_model(lineage, publication),
        "serving": publication.summary() if publication else None,
        "seconds": round(seconds, 1),
        "versions": _versions(),
        "config": to_dict(config),
        "digests": {name: origin[name] for name in ("code", "data", "schema")},
    }


def _failure(results: Sequence[NodeResult]) -> dict[str, str] | None:
    """Which node failed and why, where it was not a gate that refused."""
    for result in results:
        if result.error is not None and not isinstance(result.error, GateError):
            return {"node": result.id, "cause": cause(result.error)}
    return None


def status(results: Sequence[NodeResult], lineage: RunLineage) -> str:
    """Says in one word how the run ended; a key of ``run_summary.EXIT_CODES``."""
    if any(isinstance(result.error, DataRejectedError) for result in results):
        return "data_rejected"
    if any(isinstance(result.error, ModelRejectedError) for result in results):
        return "model_rejected"
    failed = [result.id for result in results if result.state == "failed"]
    # A model that cannot serve may be one that cannot be evaluated, too.
    if failed == ["Evaluator"] and _refused_to_serve(lineage):
        return "serving_rejected"
    if failed:
        return "failed"
    if _flag(lineage, "Pusher", "pushed_model", "pushed"):
        return "pushed"
    if not _flag(lineage, "Evaluator", "blessing", "blessed"):
        return "model_rejected"
    if not _flag(lineage, "ServingCheck", "blessing", "blessed"):
        return "serving_rejected"
    return "failed"


def read_all_checks(
    config: Config,
    results: Sequence[NodeResult],
    lineage: RunLineage,
    evaluation: EvaluationMetrics | None,
) -> list[Check]:
    """Returns the checks of every gate that looked, in the order of the gates."""
    checks = [
        check
        for result in results
        if isinstance(result.error, GateError)
        for check in result.error.checks
    ]
    if verdict := lineage.output("DataGate", "verdict"):
        checks += read_checks(verdict.uri)
    if evaluation:
        checks += model_checks(evaluation, config.evaluation)
    if blessing := lineage.output("ServingCheck", "blessing"):
        checks += read_checks(blessing.uri)
    return checks


def _refused_to_serve(lineage: RunLineage) -> bool:
    blessing = lineage.output("ServingCheck", "blessing")
    return blessing is not None and blessing.properties.get("blessed") == 0


def _flag(lineage: RunLineage, node_id: str, output: str, name: str) -> bool:
    artifact = lineage.output(node_id, output)
    return artifact is not None and artifact.properties.get(name) == 1


def read_counts(lineage: RunLineage) -> dict[str, int]:
    """Returns the number of examples of each split, from the statistics."""
    artifact = lineage.output("StatisticsGen", "statistics")
    if artifact is None:
        return {}
    return {
        split: tfdv.load_stats_binary(f"{artifact.uri}/Split-{split}/FeatureStats.pb")
        .datasets[0]
        .num_examples
        for split in SPLITS
    }


def read_metrics(lineage: RunLineage) -> EvaluationMetrics | None:
    """Returns what the Evaluator measured, or None if it did not come so far."""
    artifact = lineage.output("Evaluator", "evaluation")
    return EvaluationMetrics(artifact.uri) if artifact else None


def read_choice_of(lineage: RunLineage, resolver: str) -> dict[str, Any] | None:
    """Returns the model that a resolver chose and why; None where it did not run.

    Returns:
      ``uri``, ``version`` as it was published and ``run_id`` that made it, each None
      where there is none, and ``why``.
    """
    choice = lineage.resolved(resolver, "choice")
    if choice is None:
        return None
    model = lineage.resolved(resolver, "model")
    try:
        made = read_choice(choice.uri)
    except OSError as error:
        made = Choice(f"a model that {CHOICE_FILE} should tell of: {error.strerror}")
    return {
        "uri": model.uri if model else None,
        "version": str(made.version) if model and made.version else None,
        "run_id": lineage.maker(model.uri) if model else None,
        "why": made.why,
    }


def _publication(
    config: Config, results: Sequence[NodeResult], lineage: RunLineage
) -> Publication | None:
    ran = any(result.id == "Pusher" and result.state == "done" for result in results)
    return read_publication(config.serving, lineage, ran)


def read_model(lineage: RunLineage, publication: Publication | None) -> dict[str, Any]:
    """Returns what serves, where the run pushed, and the model's size and precision."""
    run = lineage.output("Trainer", "model_run")
    history = (
        json.loads((Path(run.uri) / HISTORY_FILE).read_text(encoding="utf-8"))
        if run
        else {}
    )
    serves = publication.summary() if publication else {"path": None, "version": None}
    return {
        "path": serves["path"],
        "version": serves["version"],
        "parameters": history.get("parameters"),
        "precision": history.get("precision"),
    }


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "tfx": version("tfx"),
        "tensorflow": version("tensorflow"),
        "beam": version("apache-beam"),
    }


def _component(result: NodeResult) -> dict[str, Any]:
    fields = attrs.asdict(result, filter=attrs.filters.exclude("error"))
    return {
        **fields,
        "seconds": round(result.seconds, 2),
        "cached": result.state == "cached",
    }
