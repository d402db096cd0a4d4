"""Turns what a run left in the metadata store into its outcome: ``summary.json``."""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs
import tensorflow_data_validation as tfdv

from components.features import SPLITS
from components.metrics import BASELINE, EvaluationMetrics
from components.trainer import HISTORY_FILE
from pipeline.config import Config
from pipeline.lineage import RunLineage
from pipeline.local_runner import NodeResult

EXIT_CODES = {
    "pushed": 0,
    "failed": 1,
    "data_rejected": 3,
    "model_rejected": 4,
    "serving_rejected": 5,
}


def summarize(
    config: Config,
    run_id: str,
    results: Sequence[NodeResult],
    lineage: RunLineage,
    seconds: float,
) -> dict[str, Any]:
    """Returns the content of ``summary.json``, complete as far as the run came."""
    evaluation = read_metrics(lineage)
    metrics = evaluation.summary() if evaluation else None
    checks = model_checks(config, metrics)
    return {
        "run_id": run_id,
        "pipeline": config.pipeline,
        "status": status(results, checks, lineage),
        "components": [_component(result) for result in results],
        "data": read_counts(lineage),
        "metrics": metrics,
        "baseline": evaluation.summary(BASELINE) if evaluation else None,
        "checks": checks,
        "model": read_model(lineage),
        "seconds": round(seconds, 1),
        "versions": {
            "python": platform.python_version(),
            "tfx": version("tfx"),
            "tensorflow": version("tensorflow"),
            "beam": version("apache-beam"),
        },
    }


def status(
    results: Sequence[NodeResult],
    checks: Sequence[Mapping[str, Any]],
    lineage: RunLineage,
) -> str:
    """Says in one word how the run ended; a key of ``EXIT_CODES``."""
    if any(result.state == "failed" for result in results):
        return "failed"
    pushed = lineage.output("Pusher", "pushed_model")
    if pushed and pushed.properties.get("pushed") == 1:
        return "pushed"
    if any(not check["passed"] for check in checks):
        return "model_rejected"
    return "failed"


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


def model_checks(
    config: Config, metrics: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Returns the verdict of each bound that the Evaluator held the model to."""
    if metrics is None:
        return []
    accuracy, bound = metrics["accuracy"], config.evaluation.min_accuracy
    return [
        {
            "gate": "model",
            "name": "accuracy",
            "slice": "overall",
            "value": accuracy,
            "bound": bound,
            "passed": accuracy is not None and accuracy >= bound,
        }
    ]


def read_model(lineage: RunLineage) -> dict[str, Any]:
    """Returns where the model was pushed, its version and its size."""
    pushed = lineage.output("Pusher", "pushed_model")
    run = lineage.output("Trainer", "model_run")
    properties = pushed.properties if pushed else {}
    parameters = None
    if run:
        parameters = json.loads((Path(run.uri) / HISTORY_FILE).read_text())[
            "parameters"
        ]
    return {
        "path": properties.get("pushed_destination"),
        "version": properties.get("pushed_version"),
        "parameters": parameters,
    }


def _component(result: NodeResult) -> dict[str, Any]:
    fields = attrs.asdict(result, filter=attrs.filters.exclude("error"))
    return {
        **fields,
        "seconds": round(result.seconds, 2),
        "cached": result.state == "cached",
    }
