"""Which results in the cache of a metadata store may be used.

Before 2026-11-28 the outputs of a cached node could swap places on PostgreSQL, and the
wrong keys were written down. ``metadata.handle`` passes such results over.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

_log = logging.getLogger(__name__)


def sound_results(
    store: Any, executions: Sequence[mlmd.Execution], outputs: Mapping[str, str]
) -> list[mlmd.Execution]:
    """Returns the executions whose outputs are under the keys they were made as.

    Args:
      store: the metadata store.
      executions: to choose from.
      outputs: output key → name of its artifact type, where that is known.
    """
    made = _output_events(store.get_events_by_execution_ids([e.id for e in executions]))
    ids = sorted({event.artifact_id for event in made})
    if not ids:
        return list(executions)
    kinds = _type_names(store, ids)
    keys = _first_keys(store.get_events_by_artifact_ids(ids))
    unsound = set()
    for event in made:
        key, kind = _key(event), kinds.get(event.artifact_id)
        if outputs.get(key, kind) == kind and keys[event.artifact_id] == key:
            continue
        unsound.add(event.execution_id)
        _log.warning(
            "passed over a cached result: output %r of execution %d holds a %s that "
            "was made as %r. An earlier release mixed them up; docs/kubeflow.md "
            "says how to correct the database",
            *(key, event.execution_id, kind, keys[event.artifact_id]),
        )
    return [execution for execution in executions if execution.id not in unsound]


def _output_events(events: Iterable[mlmd.Event]) -> list[mlmd.Event]:
    return [event for event in events if event.type == mlmd.Event.OUTPUT]


def _type_names(store: Any, artifact_ids: Sequence[int]) -> dict[int, str]:
    """Artifact id → name of its type."""
    artifacts = store.get_artifacts_by_id(artifact_ids)
    kinds = store.get_artifact_types_by_id({artifact.type_id for artifact in artifacts})
    names = {kind.id: kind.name for kind in kinds}
    return {artifact.id: names[artifact.type_id] for artifact in artifacts}


def _first_keys(events: Iterable[mlmd.Event]) -> dict[int, str]:
    """Artifact id → the key that it has in the execution that made it."""
    keys: dict[int, str] = {}
    for event in sorted(
        _output_events(events), key=lambda event: event.milliseconds_since_epoch
    ):
        keys.setdefault(event.artifact_id, _key(event))
    return keys


def _key(event: mlmd.Event) -> str:
    return event.path.steps[0].key
