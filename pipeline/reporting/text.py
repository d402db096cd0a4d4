"""The end of a run as text: the outcome, the metrics, the checks."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.checks import Check, GateError
from components.classes import DIGITS, class_word, default_names, describe_class
from components.errors import PipelineError
from components.gates import GATES

_OUTCOMES = {
    "pushed": "[green]pushed[/]",
    "failed": "[red]failed[/]",
    **{gate.status: f"[red]{gate.ending}[/]" for gate in GATES},
}
_LEAST_WIDTH = 120
# As the gates write labels: "digit 3", "class 3, 7", "labelled 3 and 7".
_LABELS = re.compile(
    r"\b((?:digit|class|labelled) )(\d(?:(?:, | and )\d)*)(?!\d)", re.I
)


def terminal(stream: TextIO) -> Console:
    """Returns a console that folds no lines and cuts no cells off.

    Without a terminal nothing is folded at all; a narrow one folds lines itself.
    """
    # Without emoji, or the path a:key:b loses its middle.
    options: dict[str, Any] = {
        "file": stream,
        "highlight": False,
        "soft_wrap": True,
        "emoji": False,
    }
    console = Console(**options)
    if console.width >= _LEAST_WIDTH:
        return console
    return Console(**options, width=_LEAST_WIDTH)


def print_summary(console: Console, summary: Mapping[str, Any]) -> None:
    """Prints the outcome of a run from the content of its ``summary.json``."""
    console.print()
    if summary["metrics"]:
        console.print(_metrics_line(summary))
        if why := compared_with(summary):
            console.print(f"compared with {escape(why)}")
        console.print(_per_class_table(summary))
    classes = summary_classes(summary)
    checks = [Check(**fields) for fields in summary["checks"]]
    failed = [check for check in checks if not check.passed]
    for check in failed:
        console.print(_check_line(check, classes))
    for advice in dict.fromkeys(check.advice for check in failed if check.advice):
        console.print(f"  [bold]next[/] {escape(name_labels(advice, classes))}")
    if suspects := summary.get("suspects"):
        console.print(_suspects_line(suspects["file"], summary["config"]["data"]))
    if passed := Counter(check.gate for check in checks if check.passed):
        gates = ", ".join(f"{count} {gate}" for gate, count in passed.items())
        console.print(f"[green]✓[/] checks passed: {gates}")
    if text := serving_text(summary):
        console.print(escape(text))
    console.print(_outcome_line(summary))


def _suspects_line(file: str, data: str) -> str:
    source, listed = shlex.quote(data.rstrip("/")), shlex.quote(file)
    out = shlex.quote(f"{data.rstrip('/')}-clean")
    return (
        f"  [bold]next[/] {escape(file)} lists the records, the report shows the worst."
        " Take the lines of good ones out of a copy; this moves the others aside:\n"
        f"  mnist-pipeline data quarantine {escape(source)} --records {escape(listed)} "
        f"--out {escape(out)}"
    )


def serving_text(summary: Mapping[str, Any]) -> str:
    """Returns what there is to say of the version that serves; often nothing."""
    return (summary.get("serving") or {}).get("text", "")


def serving_state(summary: Mapping[str, Any]) -> str | None:
    """Returns the state in ``publication.Publication``; None in older summaries."""
    return (summary.get("serving") or {}).get("state")


def summary_classes(summary: Mapping[str, Any]) -> Sequence[str]:
    """Returns the class names of a run; digits where its summary has none yet."""
    return summary.get("classes", DIGITS)


def name_labels(text: str, classes: Sequence[str]) -> str:
    """Puts its name beside each label in what a gate says: ``class 3 (Dress)``."""

    def name(match: re.Match[str]) -> str:
        said, labels = match.groups()
        if class_word(classes) == "class":
            # So runs say that were made before the gates knew of classes.
            said = said.replace("digit", "class").replace("Digit", "Class")
        return said + re.sub(
            r"\d", lambda x: describe_class(int(x[0]), classes), labels
        )

    return _LABELS.sub(name, text)


def failure_text(node_id: str, error: BaseException, log: Path) -> str:
    """Says which node failed, the cause in a sentence and where the log is."""
    if isinstance(error, GateError):
        # The summary lists its checks.
        return f"[red]{node_id} stopped the run[/]"
    return (
        f"[red]{node_id} failed[/]: {escape(cause(error))}\n"
        f"The log with the full traceback: {escape(str(log))}"
    )


def cause(error: BaseException) -> str:
    """Returns the first line of what went wrong at the root, or our own message."""
    while error.__cause__ is not None and not isinstance(error, PipelineError):
        error = error.__cause__
    if isinstance(error, PipelineError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"


def percent(share: float | None) -> str:
    """Formats a share in percent, or says that there is none."""
    return "none" if share is None else f"{100 * share:.2f} %"


def number(value: float | str | None) -> str:
    """Formats what a check saw or allows."""
    if value is None:
        return "not computed"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _outcome_line(summary: Mapping[str, Any]) -> str:
    line = _OUTCOMES[summary["status"]]
    if summary["status"] == "pushed":
        path = escape(str(summary["model"]["path"]))
        if serving_state(summary) == "rolled_back":
            line = f"[yellow]nothing published[/]: {path} serves"
        elif serving_state(summary) == "superseded":
            line += f"; {path} serves"
        else:
            line += f" to {path}"
        # A resolver looks things up each time; it is never cached.
        if all(
            component.get("cached")
            for component in summary["components"]
            if not component["id"].endswith("Resolver")
        ):
            line += "; nothing changed, so no node ran again"
    return f"{line}, {summary['seconds']:.1f} s"


def _metrics_line(summary: Mapping[str, Any]) -> str:
    metrics, baseline = summary["metrics"], summary["baseline"]
    line = f"test accuracy [bold]{percent(metrics['accuracy'])}[/]"
    if metrics["loss"] is not None:
        line += f", loss {metrics['loss']:.4f}"
    if baseline:
        line += f" (baseline {percent(baseline['accuracy'])})"
    return line


def compared_with(summary: Mapping[str, Any]) -> str | None:
    """Says which model is the baseline and why; None where that was not written."""
    return (summary.get("baseline_model") or {}).get("why")


def _per_class_table(summary: Mapping[str, Any]) -> Table:
    accuracies = summary["metrics"]["per_class"]
    classes = summary_classes(summary)
    if tuple(classes) != DIGITS:
        return class_table(
            classes, {"accuracy %": map(short_percent, accuracies.values())}
        )
    table = Table(box=None, pad_edge=False)
    table.add_column("digit", style="dim", no_wrap=True)
    for digit in accuracies:
        table.add_column(digit, justify="right", no_wrap=True)
    table.add_row("accuracy %", *map(short_percent, accuracies.values()))
    return table


def plain_table(*headings: str) -> Table:
    """A table without lines.

    Args:
      *headings: one that ends in ``>`` has its cells to the right, in ``+`` folded
        where they are too long for the terminal.
    """
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        folds = heading.endswith("+")
        table.add_column(
            heading.rstrip(">+"),
            justify="right" if ">" in heading else "left",
            no_wrap=not folds,
            overflow="fold" if folds else "ellipsis",
        )
    return table


def class_table(classes: Sequence[str], columns: Mapping[str, Iterable[str]]) -> Table:
    """Lays out a row for each class, its name last, where a long one has room.

    Args:
      classes: the names; digits, which are their own labels, are not repeated.
      columns: heading to cells, in the order of the labels.
    """
    named = tuple(classes) != DIGITS
    table = Table(box=None, pad_edge=False)
    table.add_column("label" if named else "digit", style="dim", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    if named:
        table.add_column("class", overflow="fold")
    for label, *cells in zip(
        default_names(len(classes)), *columns.values(), strict=True
    ):
        table.add_row(label, *cells, *([escape(classes[int(label)])] if named else []))
    return table


def short_percent(share: float | None) -> str:
    """Formats a share in percent for a table."""
    return "none" if share is None else f"{100 * share:.1f}"


def _check_line(check: Check, classes: Sequence[str]) -> str:
    mark = "[red]✗[/]" if check.stops else "[yellow]![/]"
    return f"{mark} {escape(name_labels(str(check), classes))}"
