"""``mnist-pipeline doctor``: can this machine run the pipeline, and if not, why."""

import dataclasses
import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from pipeline.config import Config
from pipeline.environment.doctor import Finding, diagnose
from pipeline.reporting.text import plain_table

_FOLDER = click.Path(path_type=Path)


@click.command()
@click.option("--data", type=_FOLDER, help="Folder with train/, val/ and test/.")
@click.option("--workspace", type=_FOLDER, help="Where a run writes.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(data: Path | None, workspace: Path | None, as_json: bool) -> None:
    """Check the platform, the versions, the data and the workspace.

    Exit codes: 0 everything is well, 1 something needs the fix that is printed.
    """
    defaults = Config()
    findings = diagnose(data or defaults.data, workspace or defaults.workspace)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in findings], indent=2))
    else:
        show(findings, Console(emoji=False))
    if not all(finding.ok for finding in findings):
        sys.exit(1)


def show(findings: list[Finding], console: Console) -> None:
    """Prints a row for each finding, then one fix a line."""
    table = plain_table("check+", "+", "detail+")
    for finding in findings:
        mark = "[green]ok[/]" if finding.ok else "[red]wrong[/]"
        table.add_row(finding.name, mark, escape(finding.detail))
    console.print(table)
    wrong = [finding for finding in findings if not finding.ok]
    if not wrong:
        console.print("\nReady: 'mnist-pipeline run'.")
    for finding in wrong:
        console.print(f"\nFix {finding.name}: {escape(finding.fix)}", highlight=False)
