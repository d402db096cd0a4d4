"""Turns what a run left in the metadata store into its outcome: ``summary.json``."""

import functools
import json
import logging
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import attrs
import tensorflow_data_validation as tfdv

from components.checks import CHECKS_FILE, Check, GateError, read_checks
from components.data.audit_files import SUSPECTS_FILE, read_audit
from components.evaluation.gate import model_checks
from components.evaluation.results import BASELINE, EvaluationMetrics
from components.features import SPLITS
from components.gates import BLESSING_GATES, DATA, GATES, MODEL, Gate
from components.publishing.choice import read_choice
from components.training.trainer import HISTORY_FILE
from pipeline.config import Config, to_dict
from pipeline.environment.surroundings import describe_surroundings
from pipeline.local_runner import NodeResult
from pipeline.metadata.lineage import RunArtifact, RunLineage
from pipeline.reporting.text import cause
from pipeline.run.publication import Publication, read_publication

Value = TypeVar("Value")
Other = TypeVar("Other")
_log = logging.getLogger(__name__)


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
      origin: ``Digests.origin``; ``problems`` may say what could not be found out
        of it.
    """
    salvage = Salvage()
    classes = origin["classes"]
    evaluation = salvage.read(
        "the metrics", lambda: read_metrics(lineage, len(classes)), None
    )
    ended = status(results, lineage)
    publication = _publication(config, results, lineage) if ended == "pushed" else None
    lost = publication.problem if publication else ""
    checks = read_all_checks(config, results, lineage, evaluation, classes, salvage)
    summary = {
        "run_id": run_id,
        "pipeline": config.pipeline,
        **describe_surroundings(seconds),
        "status": "failed" if lost else ended,
        "failure": {"node": "Pusher", "cause": lost} if lost else _failure(results),
        "components": [_component(result) for result in results],
        "data": salvage.read("the examples", lambda: read_counts(lineage), {}),
        "classes": list(classes),
        "metrics": evaluation.as_dict() if evaluation else None,
        "baseline": evaluation.as_dict(BASELINE) if evaluation else None,
        "baseline_model": read_choice_of(lineage, "BaselineResolver", salvage),
        "warm_start_model": read_choice_of(lineage, "WarmStartResolver", salvage),
        "checks": [attrs.asdict(check) for check in checks],
        "suspects": salvage.read(
            "the suspects", lambda: read_suspects(lineage, checks), None
        ),
        "model": read_model(lineage, publication, salvage),
        "serving": publication.as_dict() if publication else None,
        "seconds": round(seconds, 1),
        "versions": _versions(),
        "config": to_dict(config),
        "digests": {name: origin[name] for name in ("code", "data", "schema")},
    }
    if problems := [*origin.get("problems", ()), *salvage.problems]:
        summary["problems"] = problems
    return summary


def _failure(results: Sequence[NodeResult]) -> dict[str, str] | None:
    """Which node failed and why, where it was not a gate that refused."""
    for result in results:
        if result.error is not None and not isinstance(result.error, GateError):
            return {"node": result.id, "cause": cause(result.error)}
    return None


def status(results: Sequence[NodeResult], lineage: RunLineage) -> str:
    """Says in one word how the run ended; a key of ``gates.EXIT_CODES``."""
    raised = [r.error.gate for r in results if isinstance(r.error, GateError)]
    if raised:
        return min(raised, key=GATES.index).status
    failed = [result.id for result in results if result.state == "failed"]
    if failed:
        gate = _refused_before(failed, lineage)
        return gate.status if gate else "failed"
    if _flag(lineage, "Pusher", "pushed_model", "pushed") == 1:
        return "pushed"
    for gate in BLESSING_GATES:
        if _flag(lineage, gate.node, gate.output, "blessed") != 1:
            return gate.status
    return "failed"


def read_all_checks(
    config: Config,
    results: Sequence[NodeResult],
    lineage: RunLineage,
    evaluation: EvaluationMetrics | None,
    classes: Sequence[str],
    salvage: "Salvage | None" = None,
) -> list[Check]:
    """Returns the checks of every gate that looked, in the order of the gates.

    Args:
      config: of the run.
      results: one for each node.
      lineage: of the run.
      evaluation: what the Evaluator measured, if it did.
      classes: the names, in the order of the labels.
      salvage: is told which checks cannot be read; the others are returned.
    """
    salvage = salvage or Salvage()
    checks = [
        check
        for result in results
        if isinstance(result.error, GateError)
        for check in result.error.checks
    ]
    for gate in GATES:
        if gate is MODEL:
            if evaluation:
                checks += model_checks(evaluation, config.evaluation, classes)
        elif left := lineage.output(gate.node, gate.output):
            read = functools.partial(_read_checks, left)
            checks += salvage.read(f"the checks of {gate.node}", read, [])
    return checks


def read_suspects(
    lineage: RunLineage, checks: Sequence[Check]
) -> dict[str, Any] | None:
    """Returns where the records are listed that failed checks of the data speak of.

    Returns:
      ``file``, the list, and ``records``, how many the checks speak of, those of each
      counted; None where they speak of none.
    """
    audit = lineage.output("DataAudit", "audit")
    failed = {
        (check.name, check.slice)
        for check in checks
        if check.gate == DATA.id and not check.passed
    }
    if audit is None or not failed:
        return None
    named = [one for one in read_audit(audit.uri) if (one.name, one.where) in failed]
    count = sum(one.suspects for one in named)
    file = Path(audit.uri) / SUSPECTS_FILE
    return {"file": str(file), "records": count} if count else None


def _read_checks(artifact: RunArtifact) -> list[Check]:
    """Reads the checks of a gate, which always writes some."""
    if not (file := Path(artifact.uri) / CHECKS_FILE).is_file():
        raise FileNotFoundError(f"there is no {file}")
    return read_checks(artifact.uri)


def _refused_before(failed: Sequence[str], lineage: RunLineage) -> Gate | None:
    """Returns the gate that refused a model before another could look at it.

    A model that cannot serve may be one that cannot be evaluated, too.
    """
    if len(failed) > 1 or failed[0] not in [gate.node for gate in BLESSING_GATES]:
        return None
    for gate in BLESSING_GATES:
        if _flag(lineage, gate.node, gate.output, "blessed") == 0:
            return gate
    return None


def _flag(lineage: RunLineage, node_id: str, output: str, name: str) -> Any:
    artifact = lineage.output(node_id, output)
    return artifact and artifact.properties.get(name)


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


def read_metrics(lineage: RunLineage, classes: int) -> EvaluationMetrics | None:
    """Returns what the Evaluator measured, or None if it did not come so far."""
    artifact = lineage.output("Evaluator", "evaluation")
    return EvaluationMetrics(artifact.uri, classes) if artifact else None


def read_choice_of(
    lineage: RunLineage, resolver: str, salvage: "Salvage"
) -> dict[str, Any] | None:
    """Returns the model that a resolver chose and why; None where it did not run.

    Args:
      lineage: of the run.
      resolver: id of the node.
      salvage: is told where the choice cannot be read; it is None then.

    Returns:
      ``uri``, ``version`` as it was published and ``run_id`` that made it, each None
      where there is none, and ``why``.
    """
    choice = lineage.resolved(resolver, "choice")
    if choice is None:
        return None
    uri = choice.uri
    made = salvage.read(f"the choice of {resolver}", lambda: read_choice(uri), None)
    if made is None:
        return None
    model = lineage.resolved(resolver, "model")
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


def read_model(
    lineage: RunLineage, publication: Publication | None, salvage: "Salvage"
) -> dict[str, Any]:
    """Returns what serves, where the run pushed, and what the model is.

    Args:
      lineage: of the run.
      publication: what serves; None where the run pushed nothing.
      salvage: is told where the history cannot be read; what it says is None then.
    """
    serves = publication.as_dict() if publication else {"path": None, "version": None}
    history: Mapping[str, Any] = salvage.read(
        "the training", lambda: _read_history(lineage), {}
    )
    return {
        "path": serves["path"],
        "version": serves["version"],
        "parameters": history.get("parameters"),
        "precision": history.get("precision"),
        # An earlier release fitted none.
        "temperature": history.get("temperature", {}).get("value"),
    }


def _read_history(lineage: RunLineage) -> dict[str, Any]:
    run = lineage.output("Trainer", "model_run")
    if run is None:
        return {}
    return json.loads((Path(run.uri) / HISTORY_FILE).read_text(encoding="utf-8"))


class Salvage:
    """Reads what a run left behind; what cannot be read is told and not fatal.

    Attributes:
      problems: a sentence for each thing that could not be read.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(
        self, what: str, read: Callable[[], Value], otherwise: Other
    ) -> Value | Other:
        """Returns what ``read`` does, or ``otherwise`` where that fails.

        Args:
          what: the part of the report that would be missing.
          read: reads files that somebody may have removed or damaged.
          otherwise: stands for them.
        """
        try:
            return read()
        # Whatever is wrong with a file, a report without it is worth having.
        except Exception as error:
            _log.debug("could not read %s", what, exc_info=True)
            self.problems.append(f"The report lacks {what}: {cause(error)}")
            return otherwise


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
