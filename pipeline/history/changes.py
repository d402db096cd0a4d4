"""What changed from one run to another; ``runs diff`` calls it."""

from collections.abc import Mapping
from typing import Any

import attrs

from pipeline.config import flatten
from pipeline.history.runs import Run

# Section → key → (before, after); None where one has no such key.
Changes = dict[str, dict[str, tuple[Any, Any]]]


@attrs.frozen
class RunChanges:
    """What two runs wrote down differently.

    Attributes:
      sections: ``outcome``, ``config``, ``digests``, ``data``, ``metrics``,
        ``versions``; each only with what differs.
      unknown: sections that one of them did not write down → the names of such runs.
    """

    sections: Changes
    unknown: dict[str, list[str]]


def compare_runs(before: Run, after: Run) -> RunChanges:
    """Compares what two runs wrote down in their summaries, key by key."""
    sections: Changes = {}
    unknown: dict[str, list[str]] = {}
    facts = {run.run_id: _facts(run) for run in (before, after)}
    for section in _facts(before):
        missing = [run_id for run_id, held in facts.items() if held[section] is None]
        if missing:
            unknown[section] = missing
            continue
        old, new = (
            flatten(facts[run.run_id][section] or {}) for run in (before, after)
        )
        sections[section] = {
            key: (old.get(key), new.get(key))
            for key in [*old, *(key for key in new if key not in old)]
            if old.get(key) != new.get(key)
        }
    return RunChanges(sections, unknown)


def _facts(run: Run) -> dict[str, Mapping[str, Any] | None]:
    """Section → what the run wrote down, or None."""
    summary = run.summary
    names = ("outcome", "config", "digests", "data", "metrics", "versions")
    if summary is None:
        return dict.fromkeys(names)
    metrics = summary.metrics
    values: tuple[Mapping[str, Any] | None, ...] = (
        {"status": summary.status, "version": summary.model.version},
        summary.config,
        summary.digests,
        summary.data,
        None
        if metrics is None
        else {
            "accuracy": metrics.accuracy,
            "loss": metrics.loss,
            "per_class": metrics.per_class,
        },
        summary.versions,
    )
    return dict(zip(names, values, strict=True))
