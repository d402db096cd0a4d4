"""Runs, traces and changes: as JSON values, and those values as tables.

What is printed is made from the JSON, so that both say the same.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.checks import Check
from pipeline.history.changes import RunChanges
from pipeline.history.model_trace import Trace
from pipeline.history.runs import Artifact, Execution, Run, RunHistory
from pipeline.reporting.text import name_labels, number, percent, plain_table

_SHORT_DIGEST = 12
_ORIGINS = ("code", "data", "schema")
_NOW = {
    "same": "unchanged since",
    "different": "changed since",
    "missing": "no longer there",
    "unknown": "not comparable",
}


def describe_run(run: Run) -> dict[str, Any]:
    """Returns the row of a run."""
    summary = run.summary
    return {
        "run_id": run.run_id,
        "started": run.started.isoformat(timespec="seconds"),
        "status": run.status,
        "serving": run.serving,
        "accuracy": summary.metrics.accuracy if summary and summary.metrics else None,
        "version": run.named_version,
        "seconds": summary.seconds if summary else None,
        "preset": (summary.config or {}).get("preset") if summary else None,
        "problem": run.problem,
    }


def print_runs(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints a row for each run."""
    if not rows:
        console.print("No run here; 'mnist-pipeline run' makes one.")
        return
    table = plain_table(
        "run", "started, UTC", "status", "accuracy>", "version", "seconds>"
    )
    for row in rows:
        table.add_row(
            escape(row["run_id"]),
            _time(row["started"]),
            _status(row),
            "" if row["accuracy"] is None else percent(row["accuracy"]),
            str(row["version"] or ""),
            "" if row["seconds"] is None else f"{row['seconds']:.1f}",
        )
    console.print(table)
    for row in rows:
        if row["problem"]:
            console.print(f"{row['run_id']}: {row['problem']}", markup=False)


def describe_run_fully(history: RunHistory, run: Run) -> dict[str, Any]:
    """Returns all that is known of a run."""
    summary = run.summary
    return {
        **describe_run(run),
        "nodes": _nodes(run),
        "artifacts": [
            _artifact(artifact) | {"node": execution.node, "made_by": maker.run_id}
            for execution in run.executions
            for artifact in execution.outputs
            if (maker := history.maker(artifact.id))
        ],
        "checks": summary.checks if summary else [],
        "classes": list(summary.classes) if summary else None,
        "config": summary.config if summary else None,
        "digests": summary.digests if summary else None,
    }


def _nodes(run: Run) -> list[dict[str, Any]]:
    """From the summary, which also knows what did not run; else from the store."""
    if run.summary:
        return [
            {"id": node.id, "state": node.state, "seconds": node.seconds}
            for node in run.summary.components
        ]
    return [
        {"id": one.node, "state": one.state, "seconds": round(one.seconds, 2)}
        for one in run.executions
    ]


def print_run(console: Console, run: Mapping[str, Any]) -> None:
    """Prints a run: how it ended, its nodes, its checks and its artifacts."""
    print_runs(console, [run])
    nodes = plain_table("node", "state", "seconds>")
    for node in run["nodes"]:
        nodes.add_row(node["id"], node["state"], f"{node['seconds']:.1f}")
    console.print()
    console.print(nodes)
    if run["checks"]:
        console.print()
        console.print(_checks(run["checks"], run["classes"]))
    if run["artifacts"]:
        artifacts = plain_table("artifact", "made by", "files+")
        for one in run["artifacts"]:
            artifacts.add_row(
                f"{one['node']}.{one['name']}",
                "" if one["made_by"] == run["run_id"] else escape(one["made_by"]),
                escape(one["uri"]),
            )
        console.print()
        console.print(artifacts)


def _checks(checks: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> Table:
    table = plain_table("", "gate", "check", "where", "value>+", "bound>+")
    for check in (Check(**fields) for fields in checks):
        failed = "[red]✗[/]" if check.stops else "[yellow]![/]"
        table.add_row(
            "[green]✓[/]" if check.passed else failed,
            check.gate,
            escape(check.name),
            escape(name_labels(check.slice, classes)),
            escape(number(check.value)),
            escape(check.allowed),
        )
    return table


def describe_trace(trace: Trace) -> dict[str, Any]:
    """Returns where a published version came from."""
    manifest = trace.manifest
    return {
        "version": trace.version,
        "path": str(trace.path),
        "published": manifest.time.isoformat(),
        "files": trace.changes or "as published",
        "rollback_of": None if trace.original == trace.version else trace.original,
        "run_id": manifest.run_id,
        "started": trace.run.started.isoformat(timespec="seconds")
        if trace.run
        else None,
        "accuracy": manifest.metrics.accuracy if manifest.metrics else None,
        "meaning_change": manifest.meaning_change
        and dataclasses.asdict(manifest.meaning_change),
        "classes": list(manifest.classes),
        "versions": manifest.versions,
        "commit": manifest.commit,
        **{part: attrs.asdict(getattr(trace, part)) for part in _ORIGINS},
        "nodes": [_execution(execution) for execution in trace.executions],
    }


def print_trace(console: Console, trace: Mapping[str, Any]) -> None:
    """Prints where a version came from, then each node that had part in it."""
    run = escape(trace["run_id"])
    if trace["started"]:
        run += f", started {_time(trace['started'])} UTC"
    files = trace["files"]
    if not isinstance(files, str):
        files = "[red]" + escape(
            ", ".join(f"{p!r} {what}" for p, what in files.items())
        )
    facts = {
        "version": f"{trace['version']}, published {_time(trace['published'])} UTC",
        "files": files,
        "copy of": trace["rollback_of"] and f"version {trace['rollback_of']}",
        "run": run,
        "accuracy": percent(trace["accuracy"]),
        "meaning": _meaning_change(trace),
        **{part: _said(trace[part]) for part in _ORIGINS},
        "commit": trace["commit"] and escape(trace["commit"]),
        "made with": ", ".join(f"{k} {v}" for k, v in trace["versions"].items()),
    }
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, value)
    console.print(table)
    if not trace["nodes"]:
        console.print("\nThe metadata store of this workspace does not know it.")
        return
    nodes = plain_table("node", "run", "started, UTC", "seconds>", "made+")
    for one in trace["nodes"]:
        nodes.add_row(
            one["node"],
            escape(one["run_id"]),
            _time(one["started"]),
            f"{one['seconds']:.1f}",
            ", ".join(f"{made['name']} {made['id']}" for made in one["outputs"]),
        )
    console.print()
    console.print(nodes)


def describe_changes(before: Run, after: Run, changes: RunChanges) -> dict[str, Any]:
    """Returns what two runs wrote down differently."""
    return {
        "before": describe_run(before),
        "after": describe_run(after),
        "changed": {
            section: {
                key: {"before": old, "after": new} for key, (old, new) in keys.items()
            }
            for section, keys in changes.sections.items()
        },
        "not_recorded": changes.unknown,
    }


def print_changes(console: Console, changes: Mapping[str, Any]) -> None:
    """Prints a row for each key that differs, section by section."""
    table = plain_table("+", "before+", "after+")
    old, new = changes["before"], changes["after"]
    table.add_row("run", escape(old["run_id"]), escape(new["run_id"]))
    for section, keys in changes["changed"].items():
        for key, pair in keys.items():
            name = key if section == "config" else f"{section}: {key}"
            table.add_row(escape(name), *(_value(pair[k]) for k in ("before", "after")))
    console.print(table)
    same = [section for section, keys in changes["changed"].items() if not keys]
    if same:
        console.print(f"\nthe same: {', '.join(same)}")
    for section, missing in changes["not_recorded"].items():
        console.print(f"{section}: not kept by {', '.join(missing)}", markup=False)


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return attrs.asdict(artifact, filter=attrs.filters.exclude("properties"))


def _execution(execution: Execution) -> dict[str, Any]:
    return {
        "node": execution.node,
        "run_id": execution.run_id,
        "started": execution.started.isoformat(timespec="seconds"),
        "seconds": round(execution.seconds, 2),
        "outputs": [_artifact(artifact) for artifact in execution.outputs],
    }


def _said(origin: Mapping[str, Any]) -> str:
    place = f"{origin['path']}, " if origin["path"] else ""
    digest = (origin["digest"] or "no digest")[:_SHORT_DIGEST]
    return escape(f"{place}{digest}, {_NOW[origin['now']]}")


def _meaning_change(trace: Mapping[str, Any]) -> str:
    """Says in a line how the data of a version changed its meaning; often nothing."""
    change = trace["meaning_change"]
    if not change:
        return ""
    other = f"version {change['version']}" if change["version"] else "an earlier model"
    text = (
        f"changed: right about {percent(change['candidate'])} of its own test split "
        f"and {percent(change['candidate_before'])} of that of {other}, which is right "
        f"about {percent(change['previous'])} and {percent(change['previous_before'])}"
    )
    if renamed := change["renamed"]:
        text += f"; labels: {', '.join(f'{a} now {b}' for a, b in renamed.items())}"
    return escape(text)


def _status(row: Mapping[str, Any]) -> str:
    # Its model passed; an older one serves on purpose.
    if row["serving"] == "rolled_back":
        return "[yellow]not published[/]"
    colour = {"pushed": "green", "unfinished": "yellow"}.get(row["status"], "red")
    return f"[{colour}]{escape(row['status'].replace('_', ' '))}[/]"


def _time(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else escape(str(value))
