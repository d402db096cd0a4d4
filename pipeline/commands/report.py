"""``mnist-pipeline report``: the report of a run, made again from its artifacts."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from components.errors import PipelineError, UsageError
from pipeline.config import Config, load_config
from pipeline.metadata_file import check_metadata
from pipeline.workspace_lock import workspace_lock


@click.command()
@click.argument("run_id", metavar="[RUN]", default="latest")
@click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The workspace of the run.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
def report(run_id: str, workspace: Path | None, open_page: bool) -> None:
    """Make the report of RUN again (default: the latest run) and show its outcome."""
    config = load_config(workspace=workspace)
    summary = read_summary(config, run_id)
    with workspace_lock(config.workspace, f"report of {summary['run_id']}"):
        check_metadata(config.metadata)
        page = _write_again(config, summary)
    click.echo(f"\n{page}")
    if open_page:
        click.launch(str(page))


def read_summary(config: Config, run_id: str) -> dict[str, Any]:
    """Returns the ``summary.json`` of a run.

    Raises:
      UsageError: there is no such run.
      PipelineError: the file is damaged.
    """
    file = config.reports / run_id / "summary.json"
    if not file.is_file():
        known = sorted(p.parent.name for p in config.reports.glob("*/summary.json"))
        raise UsageError(
            f"Expected a run with a report in {config.reports}. Received: {run_id}. "
            f"Known runs: {', '.join(known) or 'none; start with mnist-pipeline run'}."
        )
    try:
        return json.loads(file.read_text())
    except ValueError as error:
        raise PipelineError(f"Expected {file} to be JSON. Received: {error}.") from None


def _write_again(config: Config, summary: dict[str, Any]) -> Path:
    from pipeline.reporting.text import print_summary, terminal
    from pipeline.screen import NodeScreen, quiet

    log = config.logs / f"{summary['run_id']}-report.log"
    directory = config.reports / summary["run_id"]
    with quiet(log, verbose=False) as (_, err), NodeScreen(err).step("report"):
        from pipeline.lineage import RunLineage
        from pipeline.reporting.report import write_report

        lineage = RunLineage(config.metadata, summary["run_id"])
        write_report(directory, summary, lineage)
    print_summary(terminal(sys.stdout), summary)
    return directory / "index.html"
