"""Puts what a metadata store returns into an order that TFX and we can rely on.

PostgreSQL returns rows in an order of its own, which changes with every update and
vacuum; TFX pairs such lists by position. ``metadata.handle`` reads through this.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ml_metadata.metadata_store import ListOptions, MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

_BY_ID = {
    "get_artifacts_by_id",
    "get_artifacts_and_types_by_artifact_ids",
    "get_contexts_by_id",
    "get_executions_by_id",
}
_TYPES_BY_ID = {
    "get_artifact_types_by_id",
    "get_context_types_by_id",
    "get_execution_types_by_id",
}
_NEWEST_FIRST = {"get_artifacts_by_context", "get_executions_by_context"}


class OrderedStore:
    """Passes every call on to a store; what it reads has always the same order.

    - What is asked for by ids has their order. As from the store itself, nothing
      stands for an id that is not there; of an id that is asked for twice there are
      two types, but one artifact, context or execution.
    - Artifacts and executions of a context go from the newest to the oldest.
    - Events go by execution, then by the index in their path: as they were written.
      In a path the key comes first, as TFX writes it.
    - Anything else goes by id. Where ``list_options`` ask for an order, it is that.

    Args:
      store: the store itself.
    """

    def __init__(self, store: MetadataStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if name in _TYPES_BY_ID or name in _BY_ID:
            return _asked_by_id(attribute, unique=name in _BY_ID)
        if name.startswith("get_"):
            return _in_order(attribute, newest_first=name in _NEWEST_FIRST)
        return attribute


def _in_order(read: Callable[..., Any], newest_first: bool) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        found = read(*args, **kwargs)
        given = [*args, *kwargs.values()]
        if not isinstance(found, list) or any(
            isinstance(one, ListOptions) for one in given
        ):
            return found
        for one in found:
            if isinstance(one, mlmd.Event):
                _put_key_first(one)
        return sorted(found, key=_age if newest_first else _place, reverse=newest_first)

    return call


def _put_key_first(event: mlmd.Event) -> None:
    """Corrects the path of an event: its steps are rows too."""
    if [step.WhichOneof("value") for step in event.path.steps] == ["index", "key"]:
        event.path.steps.reverse()


def _asked_by_id(read: Callable[..., Any], unique: bool) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        # Ids may come from an iterator, which is at its end after one use.
        args, kwargs = tuple(map(_listed, args)), _listed_values(kwargs)
        asked = next(one for one in [*args, *kwargs.values()] if isinstance(one, list))
        ids = list(dict.fromkeys(asked)) if unique else asked
        found = read(*args, **kwargs)
        if isinstance(found, tuple):
            artifacts, types = found
            return _aligned(artifacts, ids), sorted(types, key=_place)
        return _aligned(found, ids)

    return call


def _aligned(found: Iterable[Any], ids: Iterable[int]) -> list[Any]:
    known = {one.id: one for one in found}
    return [known[one] for one in ids if one in known]


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, Iterable) else value


def _listed_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _listed(value) for name, value in values.items()}


def _age(node: Any) -> tuple[int, int]:
    return node.create_time_since_epoch, node.id


def _place(message: Any) -> tuple[int, ...]:
    if isinstance(message, mlmd.Event):
        indices = [step.index for step in message.path.steps if step.HasField("index")]
        return message.execution_id, *indices[:1], message.artifact_id, message.type
    return (message.id,)
