"""Reads from the metadata store what a run made."""

from pathlib import Path

import attrs
from ml_metadata import errors
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.handle import open_metadata
from pipeline.metadata.store import (
    PUBLISHED,
    Properties,
    plain_properties,
    sqlite_connection,
)


@attrs.frozen
class RunArtifact:
    """An output of a node in one run.

    Attributes:
      uri: where its files are.
      properties: its custom properties.
    """

    uri: str
    properties: Properties


class RunLineage:
    """The artifacts of one run, by node id and output name.

    A cached execution has the artifacts of the run that made them.

    Args:
      store: the metadata store, or the SQLite file that is one.
      run_id: names the run.
    """

    def __init__(self, store: mlmd.ConnectionConfig | Path, run_id: str) -> None:
        self._store = sqlite_connection(store) if isinstance(store, Path) else store
        self.run_id = run_id
        self._outputs: dict[tuple[str, str], RunArtifact] | None = None
        self._resolved: dict[tuple[str, str], RunArtifact] = {}

    def output(self, node_id: str, name: str) -> RunArtifact | None:
        """Returns an output of a node, or None where it published none."""
        return self.outputs().get((node_id, name))

    def outputs(self) -> dict[tuple[str, str], RunArtifact]:
        """Returns all outputs, by node id and output name."""
        if self._outputs is None:
            self._outputs = self._read()
        return self._outputs

    def resolved(self, node_id: str, name: str) -> RunArtifact | None:
        """Returns what a resolver passed on, or None where that was nothing."""
        self.outputs()
        return self._resolved.get((node_id, name))

    def maker(self, uri: str) -> str | None:
        """Returns the id of the run that made an artifact, or None if unknown."""
        with open_metadata(self._store) as handle:
            return _maker(handle.store, uri)

    def _read(self) -> dict[tuple[str, str], RunArtifact]:
        with open_metadata(self._store) as handle:
            made: dict[tuple[str, str], RunArtifact] = {}
            for node, execution in run_executions(handle.store, self.run_id):
                for kind, found in (
                    (mlmd.Event.OUTPUT, made),
                    (mlmd.Event.INTERNAL_OUTPUT, self._resolved),
                ):
                    for name, one in _outputs(handle.store, execution.id, kind):
                        properties = plain_properties(one.custom_properties)
                        found[node, name] = RunArtifact(one.uri, properties)
            return made


def run_executions(
    store: MetadataStore, run_id: str
) -> list[tuple[str, mlmd.Execution]]:
    """Returns each execution of a run with the id of its node, the oldest first."""
    context = _run_context(store, run_id)
    if context is None:
        return []
    return [
        (node_id(store, execution), execution)
        for execution in sorted(
            store.get_executions_by_context(context.id), key=lambda one: one.id
        )
    ]


def _run_context(store: MetadataStore, run_id: str) -> mlmd.Context | None:
    try:
        return store.get_context_by_type_and_name("pipeline_run", run_id)
    except errors.NotFoundError:
        return None


def _maker(store: MetadataStore, uri: str) -> str | None:
    ids = [artifact.id for artifact in store.get_artifacts_by_uri(uri)]
    events = store.get_events_by_artifact_ids(ids) if ids else []
    # A cached execution has the same output, and comes later.
    executions = sorted(
        event.execution_id for event in events if event.type == mlmd.Event.OUTPUT
    )
    for execution_id in executions:
        for context in store.get_contexts_by_execution(execution_id):
            if context.type == "pipeline_run":
                return context.name
    return None


def node_id(store: MetadataStore, execution: mlmd.Execution) -> str:
    """Returns the id of the node that an execution is one of."""
    for context in store.get_contexts_by_execution(execution.id):
        if context.type == "node":
            # The name of a node context is "<pipeline>.<node id>".
            return context.name.partition(".")[2]
    raise LookupError(f"Expected execution {execution.id} to belong to a node.")


def _outputs(
    store: MetadataStore, execution_id: int, kind: int
) -> list[tuple[str, mlmd.Artifact]]:
    names = {
        event.artifact_id: event.path.steps[0].key
        for event in store.get_events_by_execution_ids([execution_id])
        if event.type == kind
    }
    artifacts = store.get_artifacts_by_id(list(names))
    return [
        (names[artifact.id], artifact)
        for artifact in artifacts
        if artifact.state in PUBLISHED
    ]
