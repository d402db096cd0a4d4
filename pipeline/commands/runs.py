"""``mnist-pipeline runs``: what ran here, what came of it, what changed between."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands.models import open_store
from pipeline.commands.options import (
    ListsByDefault,
    json_option,
    of_one_store,
    workspace_option,
)
from pipeline.config import load_config

if TYPE_CHECKING:
    from pipeline.history.runs import RunHistory


@click.group(cls=ListsByDefault)
def runs() -> None:
    """List, show and compare runs, trace a model.

    Without a command, it lists them. RUN is the name of a run, or 'latest'.
    """


@runs.command("list")
@json_option
@workspace_option
def list_runs(as_json: bool, workspace: Path | None) -> None:
    """Show every run, oldest first."""
    from pipeline.reporting.runs_text import describe_run, print_runs

    found = open_history(workspace).runs
    _show([describe_run(run) for run in found], as_json, print_runs)


@runs.command()
@click.argument("run_id", metavar="RUN")
@json_option
@workspace_option
def show(run_id: str, as_json: bool, workspace: Path | None) -> None:
    """Show the nodes, checks and artifacts of RUN."""
    from pipeline.reporting.runs_text import describe_run_fully, print_run

    history = open_history(workspace)
    _show(describe_run_fully(history, history.run(run_id)), as_json, print_run)


@runs.command()
@click.argument("version", metavar="[VERSION]", required=False, type=click.IntRange(1))
@json_option
@of_one_store
def trace(
    version: int | None, as_json: bool, workspace: Path | None, pipeline: str | None
) -> None:
    """Follow VERSION back to its run, code, data and schema.

    Without one, the version that serves.
    """
    from pipeline.history.model_trace import trace as follow
    from pipeline.reporting.runs_text import describe_trace, print_trace

    store = open_store(workspace, pipeline)
    version = version or store.published()[-1]
    found = follow(open_history(workspace), store, version)
    _show(describe_trace(found), as_json, print_trace)


@runs.command()
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
@json_option
@workspace_option
def diff(before: str, after: str, as_json: bool, workspace: Path | None) -> None:
    """Show what changed from one RUN to the other.

    Configuration, digests of code, data and schema, metrics and libraries.
    """
    from pipeline.history.changes import compare_runs
    from pipeline.reporting.runs_text import describe_changes, print_changes

    history = open_history(workspace)
    old, new = history.run(before), history.run(after)
    _show(describe_changes(old, new, compare_runs(old, new)), as_json, print_changes)


def open_history(workspace: Path | None) -> "RunHistory":
    """Returns the runs of a workspace, the default one unless given."""
    from pipeline.history.runs import RunHistory

    return RunHistory(load_config(workspace=workspace))


def _show(content: Any, as_json: bool, print_it: Any) -> None:
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        from pipeline.reporting.text import terminal

        print_it(terminal(sys.stdout), content)
