"""Clears what runs left behind that were killed, before the next one starts.

``pipeline_run`` calls it while it holds the lock of the workspace, so that whatever is
marked as running is not. ``cluster.node`` clears what is left of its own node.
"""

import re
import shutil
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.errors import PipelineError
from pipeline.config import Config
from pipeline.metadata.file import unfit_metadata
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.lineage import node_id
from pipeline.metadata.store import sqlite_connection
from pipeline.run.node_attempts import attempts_folder
from pipeline.workspace.identity import IDENTITY_FILE

# A name out of the database becomes part of a path that is removed.
_NODE_ID = re.compile(r"[A-Za-z0-9-]+")
UNFINISHED = (mlmd.Execution.NEW, mlmd.Execution.RUNNING)


def clear_interrupted(config: Config, run_id: str) -> list[str]:
    """Removes half results and marks their executions as failed.

    Nothing would take them for results: TFX publishes the outputs of an execution
    together with its success. They would only pile up.

    Args:
      config: of the run that starts.
      run_id: of the run that starts.

    Returns:
      A line for each thing that a person should know of.

    Raises:
      PipelineError: the metadata database is of another version, or names a node
        that no pipeline has; or the workspace is one of runs in containers, whose
        metadata is elsewhere.
    """
    _refuse_cluster(config)
    _clear_temporary(config)
    try:
        with open_metadata(sqlite_connection(config.metadata)) as handle:
            executions = handle.store.get_executions()
            unfinished = [e for e in executions if e.last_known_state in UNFINISHED]
            notes = [clear_execution(handle.store, one, config) for one in unfinished]
    except RuntimeError as error:
        # TFX wraps whatever ML Metadata says of a database that it does not open.
        raise unfit_metadata(config.metadata, str(error)) from error
    if not executions and _holds_artifacts(config.artifacts):
        notes.append(_set_aside(config.artifacts, run_id))
    return notes


def clear_execution(
    store: MetadataStore, execution: mlmd.Execution, config: Config
) -> str:
    """Removes what a killed execution left and marks it as failed.

    Args:
      store: knows the execution.
      execution: of a process that is gone.
      config: says where the artifacts are.

    Returns:
      A line that says so.

    Raises:
      PipelineError: the metadata names a node that cannot be one.
    """
    node = node_id(store, execution)
    if not _NODE_ID.fullmatch(node):
        raise unfit_metadata(config.metadata, f"{node!r} is no name of a node")
    for pattern in (f"*/{execution.id}", f".system/*/{execution.id}"):
        for left in (config.artifacts / node).glob(pattern):
            shutil.rmtree(left)
    # Last, so that a kill in here is made up for by the next run.
    execution.last_known_state = mlmd.Execution.FAILED
    store.put_executions([execution])
    return f"an earlier run was interrupted in {node}; what it left is cleared"


def _refuse_cluster(config: Config) -> None:
    """Leaves artifacts alone that are of runs with metadata of their own."""
    new = not config.metadata.exists() or not config.metadata.stat().st_size
    attempts = attempts_folder(config)
    if new and attempts.is_dir() and _holds_artifacts(config.artifacts):
        raise PipelineError(
            f"Expected the metadata of {config.workspace} in {config.metadata}. "
            f"Received: none, and runs in containers in {attempts}, which "
            "have theirs in a database and may be at work. Name another folder with "
            f"--workspace; where no such run is left, move {attempts} away first."
        )


def _clear_temporary(config: Config) -> None:
    for left in config.artifacts.glob("*/.system/stateful_working_dir/*"):
        shutil.rmtree(left)
    for pattern in ("*/.*.part", ".*.part", ".latest-*"):
        for left in config.reports.glob(pattern):
            left.unlink()


def _holds_artifacts(folder: Path) -> bool:
    return folder.is_dir() and any(
        path.name != IDENTITY_FILE for path in folder.iterdir()
    )


def _set_aside(artifacts: Path, run_id: str) -> str:
    """Moves artifacts away that no metadata knows.

    New executions would get the numbers of the old ones and write among their files.
    """
    aside = artifacts.with_name(f"{artifacts.name}-before-{run_id}")
    artifacts.rename(aside)
    return f"the metadata is new; artifacts of earlier runs are now in {aside}"
