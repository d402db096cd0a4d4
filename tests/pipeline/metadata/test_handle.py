"""What a handle mends: the order of answers, and backslashes for PostgreSQL."""

from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration.metadata import Metadata

from pipeline.metadata import handle as metadata_handle
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.store import connection_from, sqlite_connection


class FakeStore:
    """Keeps what it is told to write."""

    def __init__(self) -> None:
        self.written: list[tuple[tuple, dict[str, Any]]] = []

    def put_lineage_subgraph(self, *args: Any, **kwargs: Any) -> str:
        self.written.append((args, kwargs))
        return "ids"

    def get_executions(self) -> str:
        return "all"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    store = FakeStore()
    monkeypatch.setattr(Metadata, "store", property(lambda self: store))
    return store


@pytest.fixture
def handle(tmp_path: Path) -> Metadata:
    server = {"MLMD_HOST": "h", "MLMD_DATABASE": "d", "MLMD_USER": "u"}
    return open_metadata(connection_from(server, tmp_path))


def execution() -> mlmd.Execution:
    found = mlmd.Execution(type_id=3)
    found.properties["config"].string_value = '{"config": "\\"x\\""}'
    found.custom_properties["plain"].string_value = "it's"
    found.custom_properties["count"].int_value = 7
    return found


def test_backslashes_are_replaced_in_what_is_written(
    store: FakeStore, handle: Metadata
) -> None:
    given = execution()
    event = mlmd.Event(execution_id=1)
    assert handle.store.put_lineage_subgraph([given], event_edges=[(0, 1, event)]) == (
        "ids"
    )
    [(([written],), named)] = store.written

    assert written.properties["config"].string_value == '{"config": "\uff3c"x\uff3c""}'
    assert written.custom_properties == given.custom_properties
    assert named == {"event_edges": [(0, 1, event)]}
    # TFX goes on with what it passed.
    assert given == execution()


def test_reading_is_passed_on(store: FakeStore, handle: Metadata) -> None:
    assert handle.store.get_executions() == "all"


def test_sqlite_is_written_as_it_is(store: FakeStore, tmp_path: Path) -> None:
    handle = open_metadata(sqlite_connection(tmp_path / "db"))
    handle.store.put_lineage_subgraph([execution()])

    assert store.written == [(([execution()],), {})]


@pytest.mark.parametrize("ids", [[3, 1, 2], [2, 3, 1]])
def test_sqlite_is_read_in_the_order_of_the_ids(tmp_path: Path, ids: list[int]) -> None:
    with open_metadata(sqlite_connection(tmp_path / "db")) as handle:
        kind = handle.store.put_artifact_type(mlmd.ArtifactType(name="Model"))
        handle.store.put_artifacts([mlmd.Artifact(type_id=kind)] * 3)

        assert [one.id for one in handle.store.get_artifacts_by_id(ids)] == ids


def test_every_write_of_the_store_is_covered() -> None:
    # Types, events and edges hold no properties.
    others = {
        "put_artifact_type",
        "put_attributions_and_associations",
        "put_context_type",
        "put_events",
        "put_execution_type",
        "put_parent_contexts",
    }
    writes = {
        name for name in dir(metadata_handle.MetadataStore) if name.startswith("put_")
    }

    assert writes - others == metadata_handle._WRITES
