"""Makes a workspace with runs in its metadata store and summaries, without TFX."""

import json
from pathlib import Path
from typing import Any

import attrs
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

# The smallest summary that commands take.
SUMMARY = {
    "run_id": "latest",
    "pipeline": "mnist",
    "status": "failed",
    "components": [],
    "data": {},
    "metrics": None,
    "baseline": None,
    "checks": [],
    "model": {},
    "seconds": 1.0,
    "versions": {},
}

STATES = {
    "done": mlmd.Execution.COMPLETE,
    "cached": mlmd.Execution.CACHED,
    "failed": mlmd.Execution.FAILED,
    "running": mlmd.Execution.RUNNING,
}


@attrs.define
class Recorder:
    """Writes runs as TFX's launcher does.

    Attributes:
      workspace: receives ``metadata.sqlite`` and ``reports``.
    """

    workspace: Path
    _store: MetadataStore | None = None

    @property
    def store(self) -> MetadataStore:
        """The metadata store, made when it is first asked for."""
        if self._store is None:
            self.workspace.mkdir(parents=True, exist_ok=True)
            config = mlmd.ConnectionConfig()
            config.sqlite.filename_uri = str(self.workspace / "metadata.sqlite")
            config.sqlite.connection_mode = (
                mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
            )
            self._store = MetadataStore(config)
        return self._store

    def execute(
        self,
        run_id: str,
        node: str,
        state: str = "done",
        inputs: tuple[int, ...] = (),
        outputs: dict[str, int | dict[str, Any]] | None = None,
        **told: str,
    ) -> dict[str, int]:
        """Records a node; an output is an artifact's id or its custom properties.

        Returns:
          Output name → id of its artifact.
        """
        kind = self.store.put_execution_type(mlmd.ExecutionType(name=node))
        execution = mlmd.Execution(type_id=kind, last_known_state=STATES[state])
        _set(execution, told)
        made = {
            name: given if isinstance(given, int) else self._artifact(name, given)
            for name, given in (outputs or {}).items()
        }
        pairs = [(id, mlmd.Event.INPUT, "x") for id in inputs]
        pairs += [(id, mlmd.Event.OUTPUT, name) for name, id in made.items()]
        [context] = [self._context("pipeline_run", run_id)]
        contexts = [context, self._context("node", f"mnist.{node}")]
        artifacts = {a.id: a for a in self.store.get_artifacts()}
        self.store.put_execution(
            execution,
            [(artifacts[id], _event(id, kind, name)) for id, kind, name in pairs],
            contexts,
        )
        return made

    def _artifact(self, name: str, properties: dict[str, Any]) -> int:
        type_name = name.title().replace("_", "")
        kind = self.store.put_artifact_type(mlmd.ArtifactType(name=type_name))
        artifact = mlmd.Artifact(
            type_id=kind, uri=f"/artifacts/{name}", state=mlmd.Artifact.LIVE
        )
        _set(artifact, properties)
        return self.store.put_artifacts([artifact])[0]

    def _context(self, type_name: str, name: str) -> mlmd.Context:
        kind = self.store.put_context_type(mlmd.ContextType(name=type_name))
        found = self.store.get_context_by_type_and_name(type_name, name)
        if found is None:
            self.store.put_contexts([mlmd.Context(type_id=kind, name=name)])
            found = self.store.get_context_by_type_and_name(type_name, name)
        return found

    def summarize(self, run_id: str, **changes: Any) -> Path:
        """Writes the summary of a run that pushed, with changes."""
        content = {
            "run_id": run_id,
            "pipeline": "mnist",
            "status": "pushed",
            "components": [{"id": "Trainer", "state": "done", "seconds": 1.5}],
            "data": {"train": 4000, "val": 500, "test": 1000},
            "classes": [f"class {label}" for label in range(10)],
            "metrics": {"accuracy": 0.9, "loss": 0.5, "per_class": {"0": 0.8}},
            "baseline": None,
            "checks": [],
            "model": {"path": "/s/7", "version": "7", "parameters": 42},
            "seconds": 12.5,
            "versions": {"python": "3.10.13"},
            "config": {"preset": "quick", "train": {"epochs": 6}},
            "digests": {"code": "c0de", "data": "da7a", "schema": "5c"},
            **changes,
        }
        file = self.workspace / "reports" / run_id / "summary.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
        return file

    def run(self, run_id: str, version: int, data: str = "/data") -> dict[str, int]:
        """Records a small run that pushed a version; returns its artifacts by name."""
        made = self.execute(
            run_id, "ExampleGen", outputs={"examples": {}}, input_base=data
        )
        made |= self.execute(
            run_id, "SchemaGen", outputs={"schema": {}}, schema_file="/schema"
        )
        made |= self.execute(
            run_id, "Other", inputs=(made["examples"],), outputs={"statistics": {}}
        )
        made |= self.execute(
            run_id,
            "Trainer",
            inputs=(made["examples"], made["schema"]),
            outputs={"model": {}, "model_run": {}},
        )
        pushed = {"pushed": 1, "pushed_version": str(version)}
        made |= self.execute(
            run_id, "Pusher", inputs=(made["model"],), outputs={"pushed_model": pushed}
        )
        return made


def _set(target: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, int):
            target.custom_properties[name].int_value = value
        else:
            target.custom_properties[name].string_value = value


def _event(artifact_id: int, kind: int, name: str) -> mlmd.Event:
    event = mlmd.Event(artifact_id=artifact_id, type=kind)
    event.path.steps.add().key = name
    event.path.steps.add().index = 0
    return event
