"""A store that answers in any order is read in one."""

from typing import Any

import pytest
from ml_metadata.metadata_store import ListOptions, MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata import order as metadata_order
from pipeline.metadata.order import OrderedStore


def event(execution: int, artifact: int, index: int = 0) -> mlmd.Event:
    path = mlmd.Event.Path(
        steps=[mlmd.Event.Path.Step(key="key"), mlmd.Event.Path.Step(index=index)]
    )
    return mlmd.Event(
        execution_id=execution, artifact_id=artifact, path=path, type=mlmd.Event.OUTPUT
    )


class Backwards:
    """Answers as ML Metadata does on PostgreSQL, where rows lie the other way round."""

    def __getattr__(self, name: str) -> Any:
        if name not in dir(MetadataStore):
            raise AttributeError(name)
        kind = mlmd.Execution if "execution" in name else mlmd.Artifact
        if name.endswith("_types_by_id"):
            return lambda ids: [mlmd.ArtifactType(id=one) for one in ids if one < 90]
        if name.endswith("_by_id"):
            return lambda ids: [
                kind(id=one) for one in sorted(set(ids), reverse=True) if one < 90
            ]
        if name == "get_artifacts_and_types_by_artifact_ids":
            return lambda artifact_ids: (
                [mlmd.Artifact(id=one) for one in sorted(artifact_ids, reverse=True)],
                [mlmd.ArtifactType(id=one) for one in (9, 8)],
            )
        if name.startswith("get_events_"):
            return lambda ids: [
                event(2, 4),
                event(1, 7, index=1),
                event(1, 8, index=0),
                event(1, 3),
            ]
        return lambda *args, **kwargs: [kind(id=one) for one in (2, 3, 1)]


@pytest.fixture
def store() -> OrderedStore:
    return OrderedStore(Backwards())


def ids(found: Any) -> list[int]:
    return [one.id for one in found]


@pytest.mark.parametrize(
    "name", ["get_artifacts_by_id", "get_contexts_by_id", "get_executions_by_id"]
)
def test_what_is_asked_for_by_ids_has_their_order(store, name: str) -> None:
    read = getattr(store, name)

    assert ids(read([15, 16])) == [15, 16]
    assert ids(read([16, 15])) == [16, 15]
    assert ids(read(iter([4, 99, 2, 4, 3]))) == [4, 2, 3]
    assert ids(read([])) == []


@pytest.mark.parametrize("kind", ["artifact", "context", "execution"])
def test_types_have_the_order_of_their_ids_and_may_repeat(store, kind: str) -> None:
    read = getattr(store, f"get_{kind}_types_by_id")

    assert ids(read([12, 99, 10, 12])) == [12, 10, 12]
    assert ids(read({7})) == [7]


def test_artifacts_with_types_have_the_order_of_their_ids(store) -> None:
    read = store.get_artifacts_and_types_by_artifact_ids

    artifacts, types = read(artifact_ids=[5, 9, 7])

    assert (ids(artifacts), ids(types)) == ([5, 9, 7], [8, 9])


@pytest.mark.parametrize(
    "name", ["get_events_by_execution_ids", "get_events_by_artifact_ids"]
)
def test_events_go_by_execution_and_index(store, name: str) -> None:
    found = getattr(store, name)([2, 1])

    assert [(one.execution_id, one.artifact_id) for one in found] == [
        (1, 3),
        (1, 8),
        (1, 7),
        (2, 4),
    ]


def test_in_the_path_of_an_event_the_key_comes_first() -> None:
    class Turned:
        def get_events_by_execution_ids(self, ids: list[int]) -> list[mlmd.Event]:
            found = event(1, 2, index=3)
            found.path.steps.reverse()
            return [found]

    [found] = OrderedStore(Turned()).get_events_by_execution_ids([1])

    assert [found.path.steps[0].key, found.path.steps[1].index] == ["key", 3]


def test_other_lists_go_by_id(store) -> None:
    assert ids(store.get_artifacts()) == [1, 2, 3]
    assert ids(store.get_artifacts_by_uri("a")) == [1, 2, 3]
    assert ids(store.get_contexts_by_execution(1)) == [1, 2, 3]


def test_what_a_context_holds_goes_from_new_to_old(store) -> None:
    assert ids(store.get_executions_by_context(1)) == [3, 2, 1]
    assert ids(store.get_artifacts_by_context(1)) == [3, 2, 1]


def test_an_order_that_was_asked_for_is_kept(store) -> None:
    assert ids(store.get_executions(ListOptions(limit=3))) == [2, 3, 1]
    assert ids(store.get_executions(list_options=ListOptions(limit=3))) == [2, 3, 1]


def test_every_method_that_asks_by_ids_is_ordered() -> None:
    asked = {
        name
        for name in dir(MetadataStore)
        if name.startswith("get_") and name.endswith(("_by_id", "_by_artifact_ids"))
    }

    assert asked == {
        *metadata_order._BY_ID,
        *metadata_order._TYPES_BY_ID,
        "get_events_by_artifact_ids",
    }
