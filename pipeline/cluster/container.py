"""What the processes of a cluster's containers share: options, log, store and errors.

``node_runner``, ``exit_handler`` and ``verdict`` are such processes; each takes part
in one run.
TensorFlow and TFX are imported after ``log_to_stdout`` has told them what to log.
"""

import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import click

from components.errors import PipelineError, UsageError
from pipeline.config import PRESETS, Config, load_config
from pipeline.environment.locale_independence import be_independent_of_locale
from pipeline.environment.stop_signals import stopping_on_signals
from pipeline.metadata.file import check_metadata
from pipeline.run.inputs import check_inputs
from pipeline.run.node_attempts import NodeAttempts, attempts_folder
from pipeline.workspace.identity import settle_workspace
from pipeline.workspace.lock import workspace_lock

if TYPE_CHECKING:
    from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig

Command = TypeVar("Command", bound=Callable[..., Any])

# It names a folder, and a placeholder that nothing resolved must not.
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FORMAT = "%(asctime)s %(levelname).1s %(name)s: %(message)s"


def run_options(command: Command) -> Command:
    """Gives a command the options that say which run it is part of."""
    for option in (
        click.option("--verbose", is_flag=True, help="Log what all libraries say."),
        click.option("--workspace", type=Path, help="The folder that all share."),
        click.option("--data", default="", help="Folder or file:// URI of the data."),
        click.option(
            "--overrides",
            default="[]",
            metavar="JSON",
            help="A JSON list of KEY=VALUE, on top of --set.",
        ),
        click.option("--set", "settings", multiple=True, metavar="KEY=VALUE"),
        click.option("--config", "file", type=Path, help="A TOML file of settings."),
        click.option(
            "--preset", default="default", show_default=True, help=", ".join(PRESETS)
        ),
        click.option("--run-id", required=True, help="Names the run."),
    ):
        command = option(command)
    return command


def run_config(
    run_id: str,
    preset: str,
    file: Path | None,
    settings: tuple[str, ...],
    overrides: str,
    data: str,
    workspace: Path | None,
    needs_data: bool = True,
) -> Config:
    """Returns the configuration of the run, from ``run_options``.

    Args:
      needs_data: refuse data or a schema that is not there.

    Raises:
      PipelineError: an option is wrong, or the data is not there.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            "Expected --run-id of letters, digits, '.', '_' and '-'. "
            f"Received: {run_id!r}. Kubeflow Pipelines puts the id of the run there."
        )
    config = load_config(
        preset,
        file,
        [*settings, *_parse_overrides(overrides)],
        data=_folder(data) if data else None,
        workspace=workspace,
    )
    if needs_data:
        check_inputs(config)
    return config


def attempts_of(config: Config, run_id: str) -> NodeAttempts:
    """Returns the attempts of a run's nodes, in the workspace that containers share."""
    return NodeAttempts(attempts_folder(config) / run_id)


@contextmanager
def open_store(config: Config, purpose: str) -> Iterator["ConnectionConfig"]:
    """Finds the metadata store of the environment and sees that it can be used.

    SQLite is for one process at a time, so this holds the lock of the workspace then.

    Args:
      config: of the run.
      purpose: what for, as others are told.

    Raises:
      PipelineError: the store cannot be opened, or the workspace not written to.
    """
    from pipeline.metadata.handle import open_metadata
    from pipeline.metadata.store import connection_from, refused_connection
    from pipeline.workspace.shared import claim_workspace

    connection = connection_from(os.environ, config.metadata)
    if connection.HasField("sqlite"):
        with workspace_lock(config.workspace, purpose):
            check_metadata(config.metadata)
            settle_workspace(config)
            yield connection
        return
    _require_writable(config.workspace)
    try:
        with open_metadata(connection) as handle:
            claim_workspace(config, handle.store)
    except RuntimeError as error:
        raise refused_connection(connection) from error
    yield connection


def main(command: click.Command) -> None:
    """Runs the command; a ``PipelineError`` becomes its message and exit code."""
    be_independent_of_locale()
    try:
        # The first process of a container hears no signal that it does not listen to.
        with stopping_on_signals():
            command()
    except PipelineError as error:
        print(f"Error: {error}", flush=True)
        sys.exit(error.exit_code)


def log_to_stdout(verbose: bool) -> None:
    """Logs one readable line an event to the standard output.

    Args:
      verbose: take what all libraries say, not only what we and warnings do.
    """
    if not verbose:
        # Their C++ greets, and ML Metadata's tells of each connection.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("GLOG_minloglevel", "1")
        warnings.simplefilter("ignore", FutureWarning)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter(_FORMAT))
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for ours in ("components", "pipeline", "__main__"):
        logging.getLogger(ours).setLevel(logging.INFO)


class _Formatter(logging.Formatter):
    """Leaves out the traceback of what is one clear message already."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats one line of the log."""
        if record.exc_info and isinstance(record.exc_info[1], PipelineError):
            record = logging.makeLogRecord({**record.__dict__, "exc_info": None})
        return super().format(record)


def _parse_overrides(text: str) -> list[str]:
    try:
        overrides = json.loads(text)
    except ValueError:
        overrides = None
    if not isinstance(overrides, list) or not all(
        isinstance(override, str) for override in overrides
    ):
        raise UsageError(
            'Expected --overrides to be a JSON list like ["train.epochs=3"]. '
            f"Received: {text}."
        )
    return overrides


def _folder(data: str) -> Path:
    scheme, separator, path = data.partition("://")
    if not separator:
        return Path(data)
    if scheme == "file" and path.startswith("/"):
        return Path(unquote(path))
    raise UsageError(
        "Expected --data to be a folder, or file:///folder. "
        f"Received: {data}. Mount the bucket or copy the data to the volume."
    )


def _require_writable(workspace: Path) -> None:
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        if not os.access(workspace, os.W_OK | os.X_OK):
            raise PermissionError(None, "not writable")
    except OSError as error:
        raise PipelineError(
            f"Expected a workspace that user {os.getuid()} can write to. "
            f"Received: {workspace} ({error.strerror}). Give that user the volume: "
            "docs/kubeflow.md says how."
        ) from error
