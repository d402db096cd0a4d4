"""``mnist-pipeline report``: the report of a run, made again from its artifacts."""

import logging
import sys
import webbrowser
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from components.errors import PipelineError
from pipeline.commands.options import workspace_option
from pipeline.config import Config, load_config
from pipeline.history.latest_report import LATEST, named_summary
from pipeline.metadata.file import check_metadata
from pipeline.reporting import PAGE_FILE
from pipeline.summary import SUMMARY_FILE
from pipeline.workspace.identity import settle_workspace
from pipeline.workspace.lock import workspace_lock
from pipeline.workspace.relocation import Relocation

_log = logging.getLogger(__name__)


@click.command()
@click.argument("run_id", metavar="[RUN]", default=LATEST)
@workspace_option
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser.")
def report(run_id: str, workspace: Path | None, open_page: bool) -> None:
    """Make the report of a run again and show its outcome.

    RUN is the name of a run; the latest unless given.
    """
    config = load_config(workspace=workspace)
    summary = named_summary(config.reports, run_id)
    with workspace_lock(config.workspace, f"report of {summary['run_id']}"):
        check_metadata(config.metadata)
        settle_workspace(config)
        summary = _where_it_lies(config, summary)
        page = _write_again(config, summary)
    click.echo(f"\n{page}")
    if open_page and not webbrowser.open(page.as_uri()):
        raise PipelineError(
            f"Expected a browser to open the page with. Received: none that could be "
            f"started. Open {page} yourself."
        )


def _where_it_lies(config: Config, summary: dict[str, Any]) -> dict[str, Any]:
    """Returns the summary with the model where it is since the workspace was moved."""
    place = (summary.get("config") or {}).get("workspace")
    model = summary["model"]
    if not isinstance(place, str) or not model.get("path"):
        return summary
    moved = Relocation(frozenset([place]), str(config.workspace))
    return {**summary, "model": {**model, "path": moved.resolve(model["path"])}}


def _write_again(config: Config, summary: dict[str, Any]) -> Path:
    from pipeline.reporting.text import print_summary, terminal
    from pipeline.run.screen import NodeScreen, quiet

    log = config.logs / f"{summary['run_id']}-report.log"
    directory = config.reports / summary["run_id"]
    with quiet(log, verbose=False) as (_, err):
        screen = NodeScreen(err)
        try:
            with screen.step("report"):
                problems = _write_page(directory, config, summary)
        except Exception as error:
            _log.exception("the report could not be written")
            raise PipelineError(
                f"The report could not be written: {type(error).__name__}: {error}\n"
                f"The log with the full traceback: {log}"
            ) from error
        for problem in problems:
            screen.print(f"[yellow]{escape(problem)}[/]")
    try:
        print_summary(terminal(sys.stdout), summary)
    except Exception as error:
        _log.exception("the outcome could not be shown")
        raise PipelineError(
            f"Expected the summary of a run in {directory / SUMMARY_FILE}. Received: "
            f"one whose outcome cannot be shown ({type(error).__name__}: {error}). "
            f"Restore it, or remove {directory}."
        ) from error
    return directory / PAGE_FILE


def _write_page(directory: Path, config: Config, summary: dict[str, Any]) -> list[str]:
    from pipeline.metadata.lineage import RunLineage
    from pipeline.reporting.report import write_page

    return write_page(
        directory, summary, RunLineage(config.metadata, summary["run_id"])
    )
