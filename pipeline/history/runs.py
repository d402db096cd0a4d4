"""All runs of a workspace, from the metadata store and the summaries beside it.

``mnist-pipeline runs`` and ``tensorboard`` read here. ML Metadata alone, without TFX,
and for reading: beside a run that goes on, SQLite makes one wait for the other.
"""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import cached_property

import attrs
from ml_metadata.errors import StatusError
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.errors import PipelineError, UsageError
from pipeline.config import Config
from pipeline.history.latest_report import LATEST
from pipeline.metadata.file import check_metadata, unfit_metadata
from pipeline.metadata.order import OrderedStore
from pipeline.metadata.store import PUBLISHED, Properties, plain_properties
from pipeline.summary import SUMMARY_FILE, RunSummary, read_summary
from pipeline.workspace.relocation import Relocation, stored_places

_STATES = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.CANCELED: "failed",
    mlmd.Execution.NEW: "unfinished",
    mlmd.Execution.RUNNING: "unfinished",
}
_OUTPUT = (mlmd.Event.OUTPUT, mlmd.Event.DECLARED_OUTPUT)
_INPUT = (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT)
_NEAREST = 3


@attrs.frozen
class Artifact:
    """What a node made.

    Attributes:
      id: in the metadata store.
      name: of the output, like ``examples``.
      type: like ``Examples``.
      uri: where its files are.
      properties: its custom properties.
    """

    id: int
    name: str
    type: str
    uri: str
    properties: Properties


@attrs.frozen
class Execution:
    """A node in a run.

    Attributes:
      id: in the metadata store.
      node: the node's id.
      run_id: the run.
      state: ``done``, ``cached``, ``failed`` or ``unfinished``.
      started: when.
      seconds: until the metadata store last changed it.
      properties: what the node was told.
      inputs: ids of the artifacts that it read.
      outputs: what it made, or took from the cache.
    """

    id: int
    node: str
    run_id: str
    state: str
    started: datetime
    seconds: float
    properties: Properties
    inputs: tuple[int, ...]
    outputs: tuple[Artifact, ...]


@attrs.frozen
class Run:
    """A run as far as it is known.

    Attributes:
      run_id: names it.
      started: when, as its summary says; without that when its first node did, or
        reckoned from the time of the summary.
      executions: its nodes in the order they started; none where the store does not
        know it.
      summary: what it wrote down at its end; None where it wrote nothing.
      problem: why its summary cannot be believed, if it cannot.
    """

    run_id: str
    started: datetime
    executions: tuple[Execution, ...]
    summary: RunSummary | None
    problem: str | None = None

    @property
    def status(self) -> str:
        """How it ended; without a summary, as far as the store tells."""
        if self.summary:
            return self.summary.status
        if any(execution.state == "failed" for execution in self.executions):
            return "failed"
        if not self.output("Pusher", "pushed_model"):
            return "unfinished"
        return "pushed" if self.version else "not pushed"

    @property
    def version(self) -> int | None:
        """The version that it pushed, or that a cached Pusher had pushed before."""
        pushed = self.output("Pusher", "pushed_model")
        if pushed and pushed.properties.get("pushed") == 1:
            return int(pushed.properties["pushed_version"])
        return self.summary.model.version if self.summary else None

    @property
    def named_version(self) -> int | None:
        """The version that its model served as at its end; else the one it pushed."""
        summary = self.summary
        other_serves = self.serving in ("rolled_back", "superseded")
        return self.version if not summary or other_serves else summary.model.version

    @property
    def serving(self) -> str | None:
        """The state in ``publication.Publication``; None where none was written."""
        serving = self.summary.serving if self.summary else None
        return serving.state if serving else None

    def output(self, node: str, name: str) -> Artifact | None:
        """Returns an output of a node, or None where it made none."""
        for execution in self.executions:
            if execution.node == node:
                for artifact in execution.outputs:
                    if artifact.name == name:
                        return artifact
        return None


class RunHistory:
    """The runs of a workspace.

    Args:
      config: names the workspace.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every run, oldest first.

        Raises:
          PipelineError: the metadata database cannot be read.
        """
        known = _read_store(self._config)
        files = self._config.reports.glob(f"*/{SUMMARY_FILE}")
        names = {file.parent.name for file in files} - {LATEST}
        runs = [
            self._describe(run_id, *known.get(run_id, (None, ())))
            for run_id in known.keys() | names
        ]
        return tuple(sorted(runs, key=lambda run: (run.started, run.run_id)))

    def run(self, run_id: str) -> Run:
        """Returns a run by its name; ``latest`` is the newest.

        Raises:
          UsageError: there is no such run; names those that it resembles most.
        """
        for run in self.runs[-1:] if run_id == LATEST else self.runs:
            if run_id in (LATEST, run.run_id):
                return run
        known = [run.run_id for run in self.runs]
        nearest = difflib.get_close_matches(run_id, known, _NEAREST, cutoff=0.5)
        listed = ", ".join(nearest or reversed(known[-_NEAREST:]))
        raise UsageError(
            f"Expected a run of {self._config.workspace}. Received: {run_id}. "
            f"{'The nearest' if nearest else 'The newest'}: {listed or 'none'}; "
            "'mnist-pipeline runs' lists all."
            if known
            else f"Expected a run of {self._config.workspace}. Received: {run_id}, and "
            "no run is there. 'mnist-pipeline run' makes one; --workspace names "
            "another place."
        )

    def maker(self, artifact_id: int) -> Execution | None:
        """Returns the execution that made an artifact, not those that reused it."""
        return self._makers.get(artifact_id)

    @cached_property
    def _makers(self) -> dict[int, Execution]:
        return {
            artifact.id: execution
            for run in self.runs
            for execution in run.executions
            if execution.state == "done"
            for artifact in execution.outputs
        }

    def _describe(
        self, run_id: str, started: datetime | None, executions: tuple[Execution, ...]
    ) -> Run:
        try:
            summary, problem = read_summary(self._config.reports, run_id), None
        except PipelineError as error:
            summary, problem = None, str(error)
        if summary and summary.started:
            started = summary.started
        elif started is None:
            file = self._config.reports / run_id / SUMMARY_FILE
            seconds = summary.seconds if summary else 0.0
            started = _time((file.stat().st_mtime - seconds) * 1000)
        return Run(run_id, started, executions, summary, problem)


_Known = dict[str, tuple[datetime, tuple[Execution, ...]]]


def _read_store(config: Config) -> _Known:
    """Run id → when it started, and its executions in their order."""
    database = config.metadata
    check_metadata(database)
    if not database.exists() or not database.stat().st_size:
        return {}
    connection = mlmd.ConnectionConfig()
    connection.sqlite.filename_uri = str(database)
    connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    try:
        store = OrderedStore(MetadataStore(connection))
        return _read_runs(store, stored_places(database, config.workspace))
    except (RuntimeError, StatusError) as error:
        raise unfit_metadata(database, str(error)) from error


def _read_runs(store: OrderedStore, places: Relocation) -> _Known:
    nodes = {
        execution.id: context.name.partition(".")[2]
        for context in store.get_contexts_by_type("node")
        for execution in store.get_executions_by_context(context.id)
    }
    outputs, inputs = _read_events(store, list(nodes), places)
    return {
        context.name: (
            _time(context.create_time_since_epoch),
            tuple(
                _execution(one, nodes[one.id], context.name, inputs, outputs)
                for one in sorted(
                    store.get_executions_by_context(context.id), key=lambda e: e.id
                )
            ),
        )
        for context in store.get_contexts_by_type("pipeline_run")
    }


def _read_events(
    store: OrderedStore, executions: list[int], places: Relocation
) -> tuple[dict[int, list[Artifact]], dict[int, list[int]]]:
    """Execution id → what it made, and → ids of what it read."""
    outputs: dict[int, list[Artifact]] = defaultdict(list)
    inputs: dict[int, list[int]] = defaultdict(list)
    if not executions:
        return outputs, inputs
    artifacts = {artifact.id: artifact for artifact in store.get_artifacts()}
    types = {kind.id: kind.name for kind in store.get_artifact_types()}
    for event in store.get_events_by_execution_ids(executions):
        artifact = artifacts[event.artifact_id]
        if event.type in _INPUT:
            inputs[event.execution_id].append(artifact.id)
        elif event.type in _OUTPUT and artifact.state in PUBLISHED:
            outputs[event.execution_id].append(
                Artifact(
                    artifact.id,
                    event.path.steps[0].key,
                    types[artifact.type_id],
                    places.resolve(artifact.uri),
                    plain_properties(artifact.custom_properties),
                )
            )
    return outputs, inputs


def _execution(
    stored: mlmd.Execution,
    node: str,
    run_id: str,
    inputs: Mapping[int, Iterable[int]],
    outputs: Mapping[int, Iterable[Artifact]],
) -> Execution:
    began, changed = (
        stored.create_time_since_epoch,
        stored.last_update_time_since_epoch,
    )
    return Execution(
        id=stored.id,
        node=node,
        run_id=run_id,
        state=_STATES.get(stored.last_known_state, "unfinished"),
        started=_time(began),
        seconds=(changed - began) / 1000,
        properties=plain_properties(stored.custom_properties),
        inputs=tuple(inputs.get(stored.id, ())),
        outputs=tuple(outputs.get(stored.id, ())),
    )


def _time(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
