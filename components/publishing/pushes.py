"""What ML Metadata knows of models: which were pushed, and which gates blessed them.

The choice of a baseline and the Pusher's driver read here. No order of the store is
trusted.
"""

from collections.abc import Iterable, Mapping

import attrs
from ml_metadata.errors import NotFoundError
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

MODEL = "model"
# By name: importing TFX takes seconds, and `runs trace` reads here without it.
PUSHED_MODEL = "PushedModel"
PUSHED = "pushed"
PUSHED_VERSION = "pushed_version"
# The Pusher's own: the version that a push takes the place of, if it does.
REPLACES = "replaces"


@attrs.frozen
class Push:
    """A model that a run published.

    Attributes:
      version: its number in the model store.
      model_id: of the ``Model`` artifact.
      replaces: the version of the same model that it was published in place of, as
        the Pusher was told; empty where there was none.
    """

    version: int
    model_id: int
    replaces: str


def pushes(store: MetadataStore, pipeline: str) -> list[Push]:
    """Returns what the runs of a pipeline published, oldest version first.

    Args:
      store: the metadata store.
      pipeline: the name of the pipeline.
    """
    try:
        kind = store.get_artifact_type(PUSHED_MODEL)
        context = store.get_context_by_type_and_name("pipeline", pipeline)
    except NotFoundError:
        return []
    if context is None:
        return []
    pushed = {
        artifact.id: artifact.custom_properties
        for artifact in store.get_artifacts_by_context(context.id)
        if artifact.type_id == kind.id and _int(artifact.custom_properties, PUSHED)
    }
    models = models_of(store, pushed)
    found = [
        Push(
            version=int(_text(pushed[id], PUSHED_VERSION)),
            model_id=model_id,
            replaces=_text(pushed[id], REPLACES),
        )
        for id, model_id in models.items()
        if _text(pushed[id], PUSHED_VERSION).isdecimal()
    ]
    return sorted(found, key=lambda push: push.version)


def models_of(store: MetadataStore, artifacts: Iterable[int]) -> dict[int, int]:
    """Returns for outputs of a node the id of the ``model`` that it read.

    Args:
      store: the metadata store.
      artifacts: their ids; those of nodes that read no model are left out.
    """
    ids = list(artifacts)
    if not ids:
        return {}
    # Whichever execution: those that took an output from the cache read the same.
    made = {
        event.artifact_id: event.execution_id
        for event in store.get_events_by_artifact_ids(ids)
        if event.type == mlmd.Event.OUTPUT
    }
    if not made:
        return {}
    read = {
        event.execution_id: event.artifact_id
        for event in store.get_events_by_execution_ids(list(set(made.values())))
        if event.type == mlmd.Event.INPUT and event.path.steps[0].key == MODEL
    }
    return {id: read[execution] for id, execution in made.items() if execution in read}


def _int(properties: Mapping[str, mlmd.Value], name: str) -> int:
    return properties[name].int_value if name in properties else 0


def _text(properties: Mapping[str, mlmd.Value], name: str) -> str:
    return properties[name].string_value if name in properties else ""
