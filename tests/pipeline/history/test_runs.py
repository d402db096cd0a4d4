"""Runs as the metadata store and the summaries tell of them."""

import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from components.errors import PipelineError, UsageError
from pipeline.config import load_config
from pipeline.history.runs import RunHistory
from tests.pipeline.history.made_history import Recorder


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "work")


def read(recorder: Recorder) -> RunHistory:
    return RunHistory(load_config(workspace=recorder.workspace))


def test_a_run_is_told_by_store_and_summary(recorder: Recorder) -> None:
    recorder.run("run-1", version=7)
    recorder.summarize("run-1")
    [run] = read(recorder).runs

    assert (run.run_id, run.status, run.version) == ("run-1", "pushed", 7)
    assert datetime.now(timezone.utc) - run.started < timedelta(minutes=5)
    assert [(e.node, e.state) for e in run.executions] == [
        ("ExampleGen", "done"),
        ("SchemaGen", "done"),
        ("Other", "done"),
        ("Trainer", "done"),
        ("Pusher", "done"),
    ]
    assert run.executions[0].properties == {"input_base": "/data"}
    trained = run.output("Trainer", "model")
    assert (trained.name, trained.type, trained.uri) == (
        "model",
        "Model",
        "/artifacts/model",
    )
    assert run.executions[4].inputs == (trained.id,)
    assert run.output("Trainer", "nothing") is None
    assert run.summary.metrics.accuracy == 0.9


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (["done", "failed"], "failed"),
        (["done", "running"], "unfinished"),
        (["done"], "unfinished"),
    ],
)
def test_without_a_summary_the_store_tells_how_it_ended(recorder, states, status):
    for node, state in zip(("ExampleGen", "Trainer"), states, strict=False):
        recorder.execute("run-1", node, state)
    [run] = read(recorder).runs

    assert (run.status, run.version, run.summary) == (status, None, None)


@pytest.mark.parametrize(("pushed", "status"), [(1, "pushed"), (0, "not pushed")])
def test_without_a_summary_a_push_is_known(recorder, pushed: int, status: str) -> None:
    properties = {"pushed": pushed, "pushed_version": "7"}
    recorder.execute("run-1", "Pusher", outputs={"pushed_model": properties})

    assert read(recorder).runs[0].status == status


def test_a_cached_push_is_of_the_version_before(recorder: Recorder) -> None:
    made = recorder.run("run-1", version=7)
    recorder.execute(
        "run-2", "Pusher", "cached", outputs={"pushed_model": made["pushed_model"]}
    )
    history = read(recorder)

    assert [run.version for run in history.runs] == [7, 7]
    assert history.maker(made["pushed_model"]).run_id == "run-1"
    assert history.maker(99) is None


@pytest.mark.parametrize(
    "point",
    [
        lambda latest: latest.symlink_to("run-0"),
        lambda latest: latest.write_text("run-0\n"),
        lambda latest: shutil.copytree(latest.parent / "run-0", latest),
    ],
)
def test_a_run_that_only_a_summary_knows_is_listed(recorder, point) -> None:
    file = recorder.summarize("run-0")
    point(file.parents[1] / "latest")
    [run] = read(recorder).runs

    assert (run.run_id, run.status, run.version) == ("run-0", "pushed", 7)
    assert run.executions == ()
    written = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc)
    assert run.started == pytest.approx(
        written - timedelta(seconds=12.5), abs=timedelta(seconds=1)
    )


def test_runs_come_oldest_first(recorder: Recorder) -> None:
    for name in ("b", "a", "c"):
        recorder.execute(name, "ExampleGen")

    assert [run.run_id for run in read(recorder).runs] == ["b", "a", "c"]
    assert read(recorder).run("latest").run_id == "c"
    assert read(recorder).run("a").run_id == "a"


def test_an_unknown_run_names_the_nearest(recorder: Recorder) -> None:
    for name in ("20260101-101010-aaaa", "20260102-101010-bbbb", "x"):
        recorder.execute(name, "ExampleGen")

    with pytest.raises(UsageError) as caught:
        read(recorder).run("20260102-101010-bbbc")
    assert "The nearest: 20260102-101010-bbbb, 20260101-101010-aaaa;" in str(
        caught.value
    )
    with pytest.raises(UsageError, match="The newest: x, 20260102-101010-bbbb, 2026"):
        read(recorder).run("nothing like it")


def test_an_empty_workspace_has_no_run(recorder: Recorder) -> None:
    assert read(recorder).runs == ()
    for name in ("latest", "run-1"):
        with pytest.raises(UsageError, match=f"Received: {name}, and no run is there"):
            read(recorder).run(name)
    assert not recorder.workspace.exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "no JSON"),
        ("[]", "a value that is no table"),
        ({"seconds": "long"}, "seconds: no number"),
        ({"status": "a\x1b[31m"}, "cannot be printed"),
        ({"checks": [{"gate": "data"}]}, "a check that is none"),
        ({"model": {"version": "seven"}}, "model.version"),
        ({"classes": ["cat", "cat"]}, "expected distinct names"),
        ({"run_id": "run-9"}, "Received: of run-9"),
    ],
)
def test_a_damaged_summary_is_a_problem_of_its_run_alone(recorder, content, problem):
    recorder.run("run-1", version=7)
    file = recorder.summarize("run-1")
    if isinstance(content, dict):
        content = json.dumps(json.loads(file.read_text()) | content)
    file.write_text(content)
    [run] = read(recorder).runs

    assert (run.summary, run.status) == (None, "pushed")
    assert problem in run.problem


def test_a_damaged_database_is_named(recorder: Recorder) -> None:
    recorder.run("run-1", version=7)
    database = recorder.workspace / "metadata.sqlite"
    database.write_bytes(b"no database at all" * 100)

    with pytest.raises(PipelineError, match="Expected a whole metadata database"):
        _ = read(recorder).runs


def test_reading_changes_nothing(recorder: Recorder) -> None:
    recorder.run("run-1", version=7)
    before = (recorder.workspace / "metadata.sqlite").read_bytes()
    _ = read(recorder).runs

    assert (recorder.workspace / "metadata.sqlite").read_bytes() == before
    assert [path.name for path in recorder.workspace.iterdir()] == ["metadata.sqlite"]
