"""Which artifacts of a workspace nothing needs any more, and their removal.

``mnist-pipeline workspace clean`` calls it, holding the lock of the workspace.
"""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.artifact_files import forget_files
from components.durable import explain_os_errors, files_below
from components.errors import PipelineError
from components.gates import BLESSING_GATES, GATES
from components.publishing.manifest import Manifest
from components.publishing.store import ModelStore
from pipeline.config import Config
from pipeline.history.runs import Run, RunHistory
from pipeline.metadata.store import sqlite_connection

# What a version was pushed from. A rollback makes its model the baseline again, and
# the model that it was compared with decides whether an evaluation is cached.
_PUBLISHING = ("Trainer", *(gate.node for gate in BLESSING_GATES), "Pusher")
# Of each, the last run stays whole: for later ones, or to look at what was refused.
_ENDINGS = ("pushed", *(gate.status for gate in GATES))
_ENDED_BADLY = (mlmd.Execution.FAILED, mlmd.Execution.CANCELED)


@attrs.frozen
class Removable:
    """A folder of artifacts that nothing needs.

    Attributes:
      path: the folder.
      name: node and output, like ``Trainer.model``.
      run_id: the run that made it; empty where that is not known.
      size: of its files, in bytes.
      artifact: as the metadata store has it; None for what a failed node left.
    """

    path: Path
    name: str
    run_id: str
    size: int
    artifact: mlmd.Artifact | None


def find_removable(config: Config, keep: int) -> list[Removable]:
    """Returns what can go: neither runs to come nor versions there are need it.

    Kept are the artifacts that the newest runs made, read or took from the cache;
    those of the last run of each pipeline that pushed, and of the last that each gate
    refused; the model, evaluation and blessings behind every published version and,
    where none is published, behind the last model that the gates blessed; and the
    examples behind the version that serves and the newest one of other data, which
    later data and models are measured against.

    Args:
      config: names the workspace.
      keep: how many of the newest runs are kept, at least 1.

    Raises:
      PipelineError: there is no metadata to go by, or it cannot be read.
    """
    if not config.metadata.exists() or not config.metadata.stat().st_size:
        raise PipelineError(
            f"Expected the metadata of a workspace in {config.metadata}. Received: "
            "none, and without it nobody knows which artifacts are needed. Name a "
            "workspace that ran with --workspace."
        )
    history = RunHistory(config)
    store = _store(config)
    kept = _kept_ids(config, history, store, keep)
    artifacts = store.get_artifacts()
    found = [
        _removable(Path(artifact.uri), _maker(history, artifact.id), artifact)
        for artifact in artifacts
        if artifact.id not in kept and _is_inside(Path(artifact.uri), config)
    ]
    known = {artifact.uri for artifact in artifacts}
    found += [
        _removable(folder, "", None)
        for folder in _left_by_failures(config, store)
        if str(folder) not in known
    ]
    return sorted(found, key=lambda one: one.path)


def remove(config: Config, removables: Sequence[Removable]) -> None:
    """Removes folders, after the metadata says that they are gone.

    A kill in between leaves folders that the next call finds, and never metadata of
    files that are gone.

    Raises:
      PipelineError: a folder cannot be removed.
    """
    deleted = [one.artifact for one in removables if one.artifact is not None]
    for artifact in deleted:
        artifact.state = mlmd.Artifact.DELETED
    if deleted:
        _store(config).put_artifacts(deleted)
    action = f"remove artifacts in {config.artifacts}"
    with explain_os_errors(action, "See that you may write there, then try again."):
        for one in removables:
            shutil.rmtree(one.path)
            forget_files(str(one.path))


def _store(config: Config) -> MetadataStore:
    return MetadataStore(sqlite_connection(config.metadata))


def _kept_ids(
    config: Config, history: RunHistory, store: MetadataStore, keep: int
) -> set[int]:
    """Returns the ids of the artifacts to keep."""
    ran = [run for run in history.runs if run.executions]
    executions = [e.id for run in _kept_runs(ran, keep) for e in run.executions]
    kept = set()
    if executions:
        kept = {e.artifact_id for e in store.get_events_by_execution_ids(executions)}
    models = _ids_of_type(store, "Model")
    versions = _versions(config)
    behind = [run for run in ran if run.version in versions]
    kept |= _examples_behind(config, ran, store)
    for run in [*behind, *_last_blessed(ran)]:
        for execution in run.executions:
            if execution.node in _PUBLISHING:
                kept |= {artifact.id for artifact in execution.outputs}
                kept |= models.intersection(execution.inputs)
    return kept


def _kept_runs(ran: Sequence[Run], keep: int) -> list[Run]:
    last = {
        (run.summary.pipeline if run.summary else "", run.status): run
        for run in ran
        if run.status in _ENDINGS
    }
    return [*ran[-keep:], *last.values()]


def _examples_behind(
    config: Config, ran: Sequence[Run], store: MetadataStore
) -> set[int]:
    """Returns the examples of the version that serves and the newest of other data."""
    examples, found = _ids_of_type(store, "Examples"), set()
    for folder in config.serving.parent.glob("*/"):
        newest: dict[str | None, int] = {}
        for version, manifest in _manifests(ModelStore(folder)):
            newest.setdefault(
                manifest.digests.get("data"), manifest.rollback_of or version
            )
        wanted = [*newest.values()][:2]
        found |= {
            id
            for run in ran
            if run.version in wanted
            for execution in run.executions
            if execution.node == "Trainer"
            for id in examples.intersection(execution.inputs)
        }
    return found


def _manifests(store: ModelStore) -> Iterator[tuple[int, Manifest]]:
    """Yields the versions that have a manifest, the one that serves first."""
    for version in reversed(store.versions()):
        with contextlib.suppress(PipelineError):
            yield version, store.manifest(version)


def _last_blessed(ran: Sequence[Run]) -> list[Run]:
    return [run for run in ran if _is_blessed(run)][-1:]


def _is_blessed(run: Run) -> bool:
    """Says whether all gates of models that a run had blessed its model."""
    nodes = {execution.node for execution in run.executions}
    given = [
        run.output(gate.node, gate.output)
        for gate in BLESSING_GATES
        # Runs of earlier code had fewer of them.
        if gate.node in nodes
    ]
    return bool(given) and all(
        one and one.properties.get("blessed") == 1 for one in given
    )


def _versions(config: Config) -> set[int]:
    """Returns every published version, and those that they are copies of."""
    found: set[int] = set()
    for folder in config.serving.parent.glob("*/"):
        store = ModelStore(folder)
        found |= {*store.versions()}
        found |= {one.rollback_of for _, one in _manifests(store) if one.rollback_of}
    return found


def _ids_of_type(store: MetadataStore, name: str) -> set[int]:
    if all(kind.name != name for kind in store.get_artifact_types()):
        return set()
    return {artifact.id for artifact in store.get_artifacts_by_type(name)}


def _maker(history: RunHistory, artifact_id: int) -> str:
    maker = history.maker(artifact_id)
    return maker.run_id if maker else ""


def _is_inside(folder: Path, config: Config) -> bool:
    """Says whether it is a folder of an artifact in this workspace, and is there."""
    if not folder.is_relative_to(config.artifacts) or ".." in folder.parts:
        return False
    depth = len(folder.relative_to(config.artifacts).parts)
    return depth in (2, 3) and folder.is_dir() and not folder.is_symlink()


def _left_by_failures(config: Config, store: MetadataStore) -> list[Path]:
    failed = {
        str(execution.id)
        for execution in store.get_executions()
        if execution.last_known_state in _ENDED_BADLY
    }
    folders = config.artifacts.glob("*/[!.]*/*")
    return [f for f in folders if f.name in failed and _is_inside(f, config)]


def _removable(folder: Path, run_id: str, artifact: mlmd.Artifact | None) -> Removable:
    size = sum((folder / path).lstat().st_size for path, _ in files_below(folder))
    name = ".".join(folder.parts[-3:-1])
    return Removable(folder, name, run_id, size, artifact)
