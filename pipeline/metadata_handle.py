"""Opens a metadata store for TFX, and makes up for what PostgreSQL's gets wrong.

Whatever runs nodes or reads what they made takes its handle from here.
"""

from collections.abc import Callable
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.metadata import Metadata

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


def open_metadata(connection: mlmd.ConnectionConfig) -> Metadata:
    """Returns a handle, to be entered with ``with``."""
    if connection.HasField("postgresql"):
        return _PostgresMetadata(connection)
    return Metadata(connection)


class _PostgresMetadata(Metadata):
    """A handle whose store takes properties with backslashes.

    ML Metadata 1.16 quotes such a string twice for PostgreSQL, which refuses it, and
    the configuration of the Evaluator is one. TFX writes these properties for people
    to read and hands nodes what it has in memory, so a stand-in does.
    """

    @property
    def store(self) -> Any:
        """The store; see ``Metadata.store``."""
        return _Store(super().store)


class _Store:
    """Passes every call on to a store, without backslashes where it writes."""

    def __init__(self, store: MetadataStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        return _without_backslashes(attribute) if name in _WRITES else attribute


def _without_backslashes(write: Callable) -> Callable:
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
