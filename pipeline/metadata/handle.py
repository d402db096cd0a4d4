"""Opens a metadata store for TFX, and makes up for what PostgreSQL's gets wrong.

Whatever runs nodes or reads what they made takes its store from here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.metadata import Metadata
from tfx.orchestration.portable.mlmd.context_lib import CONTEXT_TYPE_EXECUTION_CACHE

from pipeline.metadata.cached_results import sound_results
from pipeline.metadata.order import OrderedStore
from pipeline.metadata.tls import through_tls

# They look alike, and only one of them is trouble.
_BACKSLASH = "\\"
_STAND_IN = "\N{FULLWIDTH REVERSE SOLIDUS}"

_WRITES = {
    "put_artifacts",
    "put_contexts",
    "put_execution",
    "put_executions",
    "put_lineage_subgraph",
}


def open_metadata(
    connection: mlmd.ConnectionConfig, outputs: Mapping[str, str] | None = None
) -> Metadata:
    """Returns a handle, to be entered with ``with``.

    Args:
      connection: to the store.
      outputs: of the node that is run with it, if one is: output key → name of the
        artifact type. Results in the cache that do not fit are passed over.
    """
    return _Handle(connection, outputs or {})


class _Handle(Metadata):
    """A handle whose store is a ``_Store``."""

    def __init__(
        self, connection: mlmd.ConnectionConfig, outputs: Mapping[str, str]
    ) -> None:
        super().__init__(through_tls(connection))
        self._quotes_twice = connection.HasField("postgresql")
        self._outputs = outputs

    @property
    def store(self) -> Any:
        """The store; see ``Metadata.store``."""
        return _Store(super().store, self._quotes_twice, self._outputs)


class _Store(OrderedStore):
    """Reads in order, passes unsound results in the cache over, writes what it can.

    ML Metadata 1.16 quotes a string with a backslash twice for PostgreSQL, which
    refuses it, and the configuration of the Evaluator is one. TFX writes these
    properties for people to read and hands nodes what it has in memory, so a stand-in
    does.

    Args:
      store: the store itself.
      quotes_twice: it is PostgreSQL.
      outputs: see ``open_metadata``.
    """

    def __init__(
        self, store: MetadataStore, quotes_twice: bool, outputs: Mapping[str, str]
    ) -> None:
        super().__init__(store)
        self._quotes_twice = quotes_twice
        self._outputs = outputs

    def __getattr__(self, name: str) -> Any:
        attribute = super().__getattr__(name)
        if name in _WRITES and self._quotes_twice:
            return _without_backslashes(attribute)
        return attribute

    def get_executions_by_context(
        self, context_id: int, *args: Any, **kwargs: Any
    ) -> list[mlmd.Execution]:
        """Returns those of a context; of the cache, only those with sound results."""
        read = super().__getattr__("get_executions_by_context")
        found = read(context_id, *args, **kwargs)
        contexts = self._store.get_contexts_by_id([context_id])
        if [one.type for one in contexts] != [CONTEXT_TYPE_EXECUTION_CACHE]:
            return found
        return sound_results(self, found, self._outputs)


def _without_backslashes(write: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        named = {name: _replace(value) for name, value in kwargs.items()}
        return write(*map(_replace, args), **named)

    return call


def _replace(value: Any) -> Any:
    """Returns a copy of messages, in lists and tuples too, without backslashes."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(_replace, value))
    if not isinstance(value, (mlmd.Artifact, mlmd.Context, mlmd.Execution)):
        return value
    message = type(value)()
    message.CopyFrom(value)
    for table in (message.properties, message.custom_properties):
        for one in table.values():
            if one.WhichOneof("value") == "string_value":
                one.string_value = one.string_value.replace(_BACKSLASH, _STAND_IN)
    return message
