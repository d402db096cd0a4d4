"""The end of a run as text: the outcome, the metrics, the checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

VERDICTS = {
    "pushed": "[green]pushed[/]",
    "data_rejected": "[red]data rejected[/]",
    "model_rejected": "[red]model rejected[/]",
    "serving_rejected": "[red]serving check rejected[/]",
    "failed": "[red]failed[/]",
}


def print_summary(console: Console, summary: Mapping[str, Any]) -> None:
    """Prints the outcome of a run from the content of its ``summary.json``."""
    console.print()
    if summary["metrics"]:
        console.print(_metrics_line(summary))
        console.print(_per_class_table(summary))
    for check in summary["checks"]:
        console.print(_check_line(check))
    verdict = VERDICTS[summary["status"]]
    if summary["status"] == "pushed":
        verdict += f" to {escape(str(summary['model']['path']))}"
        if all(component["cached"] for component in executed(summary)):
            verdict += " (nothing changed: every node was cached)"
    console.print(f"{verdict}, {summary['seconds']:.1f} s")


def executed(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the components that do work; a resolver only looks things up."""
    return [c for c in summary["components"] if c["id"] != "BaselineResolver"]


def print_failure(console: Console, result, log: Path) -> None:
    """Says which node failed, the cause in a sentence and where the log is."""
    console.print(
        f"[red]{result.id} failed[/]: {escape(cause(result.error))}\n"
        f"The log with the full traceback: {escape(str(log))}",
        soft_wrap=True,
    )


def cause(error: BaseException) -> str:
    """Returns the first sentence of what went wrong at the root."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else "no message"
    return f"{type(error).__name__}: {text}"


def _metrics_line(summary: Mapping[str, Any]) -> str:
    metrics, baseline = summary["metrics"], summary["baseline"]
    line = f"test accuracy [bold]{percent(metrics['accuracy'])}[/]"
    if metrics["loss"] is not None:
        line += f", loss {metrics['loss']:.4f}"
    if baseline:
        line += f" (baseline {percent(baseline['accuracy'])})"
    return line


def _per_class_table(summary: Mapping[str, Any]) -> Table:
    table = Table(title=None, box=None, pad_edge=False)
    table.add_column("digit", style="dim")
    values = []
    for digit, accuracy in summary["metrics"]["per_class"].items():
        table.add_column(digit, justify="right")
        values.append(percent(accuracy))
    table.add_row("accuracy", *values)
    return table


def percent(share: float | None) -> str:
    """Formats a share in percent, or says that there is none."""
    return "none" if share is None else f"{100 * share:.2f} %"


def _check_line(check: Mapping[str, Any]) -> str:
    mark = "[green]✓[/]" if check["passed"] else "[red]✗[/]"
    value = "none" if check["value"] is None else f"{check['value']:.4f}"
    line = (
        f"{mark} {check['gate']} gate: {check['name']} of {check['slice']} "
        f"is {value}, bound {check['bound']}"
    )
    if not check["passed"]:
        line += ". Train longer or better, or lower evaluation.min_accuracy."
    return line
