"""``mnist-pipeline run``: from TFRecords to a pushed model."""

import contextlib
import json
import logging
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from components.durable import explain_full_disk
from components.errors import PipelineError
from components.garbage import garbage_collection_off
from components.gates import EXIT_CODES_HELP
from pipeline.commands.options import FILE, settings_options
from pipeline.config import Config, load_config
from pipeline.environment.stop_signals import StopRequested, stopping_on_signals
from pipeline.metadata.file import check_metadata
from pipeline.reporting import PAGE_FILE
from pipeline.run.inputs import check_inputs, require_records
from pipeline.workspace.identity import settle_workspace
from pipeline.workspace.lock import workspace_lock

if TYPE_CHECKING:
    from pipeline.run.pipeline_run import FinishedRun
    from pipeline.run.screen import NodeScreen

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_log = logging.getLogger(__name__)


@click.command(epilog=f"Exit codes: 0 pushed, {EXIT_CODES_HELP}.")
@click.option("--data", type=_DIRECTORY, help="Folder with train/, val/ and test/.")
@click.option("--schema", type=FILE, help="The curated schema, a .pbtxt file.")
@settings_options
@click.option("--workspace", type=_DIRECTORY, help="Where everything is written.")
@click.option(
    "--rebaseline",
    is_flag=True,
    default=None,
    help="Do not compare with the model that serves this time; what the data means may "
    "have changed.",
)
@click.option(
    "--warm-start",
    is_flag=True,
    default=None,
    help="Train from the weights of the model that serves.",
)
@click.option(
    "--fresh", is_flag=True, help="Do not go on from a training that was killed."
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json only.")
@click.option("--verbose", is_flag=True, help="Show the logs of all libraries.")
def run(
    data: Path | None,
    schema: Path | None,
    preset: str,
    file: Path | None,
    overrides: tuple[str, ...],
    workspace: Path | None,
    rebaseline: bool | None,
    warm_start: bool | None,
    fresh: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Run the pipeline: validate, train, evaluate and push.

    Nodes whose inputs, settings and code are unchanged are not run again.
    """
    config = load_config(
        preset,
        file,
        overrides,
        data=data,
        schema=schema,
        workspace=workspace,
        rebaseline=rebaseline,
        warm_start=warm_start,
    )
    check_inputs(config)
    require_records(config.data)
    run_id = new_run_id()
    with (
        stopping_on_signals(),
        _explained_stop(),
        workspace_lock(config.workspace, f"run {run_id}"),
    ):
        check_metadata(config.metadata)
        if fresh:
            shutil.rmtree(config.checkpoints, ignore_errors=True)
        sys.exit(_run(config, run_id, as_json=as_json, verbose=verbose))


@contextlib.contextmanager
def _explained_stop() -> Iterator[None]:
    try:
        yield
    except StopRequested as stop:
        raise PipelineError(
            f"Expected the run to come to its first node. Received: {stop}. Nothing "
            "ran yet; run again."
        ) from stop


def new_run_id() -> str:
    """Returns a run id that sorts by time, which is UTC."""
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _run(config: Config, run_id: str, as_json: bool, verbose: bool) -> int:
    from rich.markup import escape

    from pipeline.run.screen import NodeScreen, notes_on, quiet

    started = time.monotonic()
    log = config.logs / f"{run_id}.log"
    with explain_full_disk(config.workspace), quiet(log, verbose) as (out, err):
        screen = NodeScreen(err)
        screen.print(f"run {run_id}, preset {config.preset}, log {escape(str(log))}")
        for line in settle_workspace(config):
            screen.note(line)
        try:
            with screen.step("load TensorFlow, TFX"), garbage_collection_off():
                from pipeline.run.pipeline_run import run_pipeline
            with notes_on(screen):
                finished = run_pipeline(config, run_id, screen, started)
        except PipelineError:
            raise
        except Exception as error:
            _log.exception("the run failed outside its nodes")
            raise PipelineError(
                f"The run failed: {type(error).__name__}: {error}\n"
                f"The log with the full traceback: {log}"
            ) from error
        _show(finished, log, screen, out, err, as_json)
    # The last line of all, so after the log that --verbose shows.
    page = config.reports / run_id / PAGE_FILE
    if page.is_file():
        click.echo(page, err=as_json)
    return finished.exit_code


def _show(
    finished: "FinishedRun",
    log: Path,
    screen: "NodeScreen",
    out: TextIO,
    err: TextIO,
    as_json: bool,
) -> None:
    from pipeline.reporting.text import failure_text, print_summary, terminal

    for result in finished.results:
        if result.error is not None:
            screen.print(failure_text(result.id, result.error, log))
    # With --json the text goes where the progress goes; stdout is for the JSON.
    print_summary(terminal(err if as_json else out), finished.summary)
    if as_json:
        print(json.dumps(finished.summary, indent=2), file=out)
    out.flush()
