"""From a published version back to its run, code, data and schema."""

import json
import shutil
from pathlib import Path

import pytest

from components.errors import PipelineError, UsageError
from components.publishing.store import ModelStore
from pipeline.config import load_config
from pipeline.digests import data_digest
from pipeline.history import model_trace
from pipeline.history.model_trace import Origin, trace
from pipeline.history.runs import RunHistory
from tests.pipeline.history.made_history import Recorder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "work" / "serving" / "mnist")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data" / "train" / "a.tfrecord.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"records")
    return tmp_path / "data"


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "work")


@pytest.fixture
def version(store, data, recorder, tmp_path, monkeypatch) -> int:
    """Published by run-1; run-2 is another one, without anything in common."""
    monkeypatch.setattr(model_trace, "code_digest", lambda: "c0de")
    source = tmp_path / "export"
    source.mkdir()
    (source / "saved_model.pb").write_bytes(b"graph")
    number = store.publish(
        source,
        {
            "pipeline": "mnist",
            "run_id": "run-1",
            "digests": {"code": "c0de", "data": data_digest(data), "schema": "5c"},
            "metrics": None,
            "baseline": None,
            "checks": [],
            "versions": {},
        },
    )
    recorder.run("run-1", number, data=str(data))
    recorder.run("run-2", number + 1000)
    return number


def publish_another(store: ModelStore, tmp_path: Path) -> int:
    facts = {"pipeline": "mnist", "run_id": "run-9", "digests": {}, "metrics": None}
    facts |= {"baseline": None, "checks": [], "versions": {}}
    return store.publish(tmp_path / "export", facts)


def follow(recorder: Recorder, store: ModelStore, version: int):
    history = RunHistory(load_config(workspace=recorder.workspace))
    return trace(history, store, version)


def test_every_node_that_had_part_is_named(recorder, store, version) -> None:
    found = follow(recorder, store, version)

    assert [(e.node, e.run_id) for e in found.executions] == [
        ("ExampleGen", "run-1"),
        ("SchemaGen", "run-1"),
        ("Trainer", "run-1"),
        ("Pusher", "run-1"),
    ]
    assert (found.run.run_id, found.original, found.changes) == ("run-1", version, {})


def test_data_that_is_as_it_was_is_the_same(recorder, store, version, data) -> None:
    found = follow(recorder, store, version)

    assert found.code == Origin("c0de", None, "same")
    assert found.data == Origin(data_digest(data), str(data), "same")
    assert found.schema == Origin("5c", "/schema", "missing")


def test_the_data_is_not_that_of_the_model_compared_with(
    recorder, store, version, data, tmp_path
) -> None:
    later = publish_another(store, tmp_path)
    before = RunHistory(load_config(workspace=recorder.workspace)).runs
    earlier = next(r for r in before if r.run_id == "run-1").output("Trainer", "model")
    made = recorder.execute(
        "run-3", "ExampleGen", outputs={"examples": {}}, input_base="/new"
    )
    inputs = (made["examples"],)
    made |= recorder.execute("run-3", "Trainer", inputs=inputs, outputs={"model": {}})
    inputs = (made["model"], earlier.id)
    made |= recorder.execute(
        "run-3", "Evaluator", inputs=inputs, outputs={"blessing": {}}
    )
    pushed = {"pushed": 1, "pushed_version": str(later)}
    inputs = (made["model"], made["blessing"])
    recorder.execute("run-3", "Pusher", inputs=inputs, outputs={"pushed_model": pushed})
    found = follow(recorder, store, later)

    assert {e.run_id for e in found.executions} == {"run-1", "run-3"}
    assert (found.data.path, found.schema.path) == ("/new", None)


def test_what_changed_since_is_told(
    recorder, store, version, data, monkeypatch
) -> None:
    (data / "train" / "a.tfrecord.gz").write_bytes(b"other records")
    monkeypatch.setattr(model_trace, "code_digest", lambda: "other")
    found = follow(recorder, store, version)

    assert (found.code.now, found.data.now) == ("different", "different")


def test_a_node_from_the_cache_is_told_where_it_ran(recorder, store, version) -> None:
    """The push of run-3 reuses the data and the model of run-1."""
    runs = RunHistory(load_config(workspace=recorder.workspace)).runs
    model = next(r for r in runs if r.run_id == "run-1").output("Trainer", "model")
    recorder.execute("run-3", "Trainer", "cached", outputs={"model": model.id})
    pushed = {"pushed": 1, "pushed_version": str(version + 500)}
    recorder.execute(
        "run-3", "Pusher", inputs=(model.id,), outputs={"pushed_model": pushed}
    )
    store.path(version).rename(store.path(version + 500))
    manifest = store.path(version + 500) / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace(str(version), str(version + 500), 1)
    )
    found = follow(recorder, store, version + 500)

    assert [(e.node, e.run_id) for e in found.executions] == [
        ("ExampleGen", "run-1"),
        ("SchemaGen", "run-1"),
        ("Trainer", "run-1"),
        ("Pusher", "run-3"),
    ]


def test_a_rollback_leads_to_what_it_is_a_copy_of(
    recorder, store, version, tmp_path
) -> None:
    publish_another(store, tmp_path)
    copy = store.rollback(version)
    found = follow(recorder, store, copy)

    assert (found.version, found.original) == (copy, version)
    assert found.executions[-1].run_id == "run-1"


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_chain_of_rollbacks_that_comes_back_is_refused(
    recorder, store, version, tmp_path, steps
) -> None:
    """A is a copy of A, of B that is one of A, or of B of C of A."""
    chain = [version]
    if steps:
        publish_another(store, tmp_path)
    chain += [store.rollback(version) for _ in range(steps)]
    for number, original in zip(chain, chain[-1:] + chain[:-1], strict=True):
        file = store.path(number) / "manifest.json"
        content = json.loads(file.read_text()) | {"rollback_of": original}
        file.write_text(json.dumps(content))

    if steps == 0:
        with pytest.raises(PipelineError, match=r"rollback_of \d+ is not older than"):
            follow(recorder, store, version)
    else:
        # The oldest manifest cannot be believed, so the chain ends there.
        found = follow(recorder, store, chain[-1])
        assert (found.original, found.run.run_id) == (version, "run-1")


def test_a_rollback_of_a_version_that_is_gone_leads_to_its_run(
    recorder, store, version, tmp_path
) -> None:
    publish_another(store, tmp_path)
    copy = store.rollback(version)
    shutil.rmtree(store.path(version))
    found = follow(recorder, store, copy)

    assert found.original == version
    assert found.executions[-1].run_id == "run-1"


def test_without_metadata_the_manifest_is_left(store, version, recorder) -> None:
    (recorder.workspace / "metadata.sqlite").unlink()
    found = follow(recorder, store, version)

    assert (found.executions, found.run) == ((), None)
    assert found.data.now == "unknown"
    assert found.data.digest is not None
    assert found.code.now == "same"


def test_an_unknown_version_is_refused(recorder, store, version) -> None:
    with pytest.raises(UsageError, match=f"Received: 5. Versions there: {version}"):
        follow(recorder, store, 5)
