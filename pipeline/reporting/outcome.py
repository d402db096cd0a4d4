"""The first thing on the page: how the run ended, why, and what to do next."""

from collections.abc import Mapping
from typing import Any

import attrs

from components.checks import Check
from components.gates import GATES
from pipeline.reporting.text import (
    name_labels,
    serving_state,
    serving_text,
    summary_classes,
)

_HEADLINES = {
    "pushed": "Pushed as version {version}",
    **{gate.status: gate.headline for gate in GATES},
    "failed": "Not pushed: the run failed",
    # Of ``serving``, where the run pushed.
    "rolled_back": "Nothing published: version {version} serves on purpose",
    "superseded": "Pushed, and version {version} of a later run serves",
}


@attrs.frozen
class Outcome:
    """How a run ended.

    Attributes:
      headline: in a line.
      good: whether a model was pushed.
      reasons: why, a sentence each.
      warnings: checks that failed without stopping the run, a line each.
      steps: what to do next, whole sentences.
    """

    headline: str
    good: bool
    reasons: list[str]
    warnings: list[str]
    steps: list[str]


def read_outcome(summary: Mapping[str, Any]) -> Outcome:
    """Reads how a run ended out of the content of a ``summary.json``."""
    classes = summary_classes(summary)
    failed = [
        check
        for check in (Check(**fields) for fields in summary["checks"])
        if not check.passed
    ]
    stopping = [check for check in failed if check.stops]
    status = summary["status"]
    steps = list(dict.fromkeys(check.advice for check in failed if check.advice))
    reasons = [name_labels(str(check), classes) for check in stopping]
    if status == "pushed":
        reasons = _why_pushed(summary)
        steps.append("Classify images of your own with mnist-pipeline predict IMAGE.")
    elif status == "failed":
        reasons = [_failure(summary), *reasons]
        steps += _after_a_failure(summary)
    headline = _HEADLINES.get(serving_state(summary) or "") or _HEADLINES[status]
    return Outcome(
        headline=headline.format(**summary["model"]),
        good=status == "pushed",
        reasons=reasons,
        warnings=[
            *(name_labels(str(check), classes) for check in failed if not check.stops),
            # New in 2026-11-28.
            *summary.get("problems", ()),
        ],
        steps=[name_labels(step, classes) for step in steps],
    )


def _why_pushed(summary: Mapping[str, Any]) -> list[str]:
    passed = sum(check["passed"] for check in summary["checks"])
    total = len(summary["checks"])
    reasons = [f"{passed} of {total} checks passed."]
    # A resolver looks things up each time; it is never cached.
    work = [
        node for node in summary["components"] if not node["id"].endswith("Resolver")
    ]
    if all(node.get("cached") for node in work):
        reasons.append("Nothing had changed, so no node ran again.")
    if text := serving_text(summary):
        reasons.append(text)
    return reasons


def _failure(summary: Mapping[str, Any]) -> str:
    failure = summary.get("failure")
    if failure:
        return f"{failure['node']} failed: {failure['cause']}"
    failed = [node["id"] for node in summary["components"] if node["state"] == "failed"]
    return f"{', '.join(failed) or 'The run'} failed."


def _after_a_failure(summary: Mapping[str, Any]) -> list[str]:
    return [
        "Read the log, which has the full traceback, correct the cause and run again: "
        "nodes that are done are cached.",
        "If the cause is not ours, mnist-pipeline doctor compares what is installed "
        "with the lock.",
    ]
