"""``mnist-pipeline tensorboard``: which logs it shows, and that it serves them."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from components.errors import UsageError
from pipeline.commands.tensorboard import find_logs
from pipeline.config import load_config
from pipeline.history.runs import RunHistory
from tests.pipeline.history.made_history import Recorder

pytestmark = pytest.mark.slow

SECONDS = 120


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Two runs that trained, with logs, then one that did not come so far."""
    recorder = Recorder(tmp_path / "work")
    for name in ("run-1", "run-2"):
        made = recorder.execute(name, "Trainer", outputs={"model_run": {}})
        logs = tmp_path / name / "train"
        logs.mkdir(parents=True)
        [artifact] = recorder.store.get_artifacts_by_id([made["model_run"]])
        artifact.uri = str(logs.parent)
        recorder.store.put_artifacts([artifact])
    recorder.execute("run-3", "ExampleGen", "failed")
    return recorder


def logs(recorder: Recorder, *run_ids: str) -> dict[str, Path]:
    return find_logs(RunHistory(load_config(workspace=recorder.workspace)), run_ids)


def test_the_newest_run_that_trained_is_shown(recorder, tmp_path) -> None:
    assert logs(recorder) == {"run-2": tmp_path / "run-2"}


def test_runs_are_shown_as_named(recorder, tmp_path) -> None:
    assert logs(recorder, "run-2", "run-1") == {
        "run-2": tmp_path / "run-2",
        "run-1": tmp_path / "run-1",
    }


@pytest.mark.parametrize("run_id", ["run-3", "latest"])
def test_a_run_without_logs_is_refused(recorder, run_id) -> None:
    with pytest.raises(UsageError, match="Received: run-3, which did not come to"):
        logs(recorder, run_id)


def test_logs_that_are_gone_are_told(recorder, tmp_path) -> None:
    (tmp_path / "run-1" / "train").rmdir()
    (tmp_path / "run-1").rmdir()
    with pytest.raises(UsageError, match="Received: run-1, "):
        logs(recorder, "run-1")


def test_an_unknown_run_names_the_nearest(recorder) -> None:
    with pytest.raises(UsageError, match=r"Received: run-9\. The nearest: run-"):
        logs(recorder, "run-9")


def test_a_cached_run_shows_the_training_of_the_run_that_made_it(
    recorder, tmp_path
) -> None:
    history = RunHistory(load_config(workspace=recorder.workspace))
    trained = history.run("run-1").output("Trainer", "model_run").id
    for name in ("run-4", "2026-11-28T08:00:00.1"):
        recorder.execute(name, "Trainer", "cached", outputs={"model_run": trained})

    shown = {"run-1": tmp_path / "run-1"}
    assert (
        logs(recorder) == logs(recorder, "run-4") == logs(recorder, "latest") == shown
    )
    assert logs(recorder, "run-4", "run-1") == shown


def test_without_any_run_it_says_so(tmp_path) -> None:
    with pytest.raises(UsageError, match="no run that trained"):
        logs(Recorder(tmp_path / "empty"))


def test_it_serves_the_curves_to_this_machine_alone(recorder, tmp_path) -> None:
    import tensorflow as tf

    with tf.summary.create_file_writer(str(tmp_path / "run-1" / "train")).as_default():
        tf.summary.scalar("epoch_loss", 0.5, step=1)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pipeline.cli", "tensorboard", "run-1", "run-2"),
            *("--workspace", str(recorder.workspace)),
        ],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        # A shell starts what it runs in the background deaf to an interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        signal.signal(signal.SIGALRM, lambda *_: process.kill())
        signal.alarm(SECONDS)
        starting = "starting TensorBoard on the training of run-1, run-2 ...\n"
        assert process.stdout.readline() == starting
        names, _, rest = process.stdout.readline().partition(": ")
        url = rest.split()[0]
        assert names == "run-1, run-2"
        assert url.startswith("http://127.0.0.1:")
        while "run-1/train" not in (found := fetch(f"{url}data/plugin/scalars/tags")):
            pass
        assert list(found["run-1/train"]) == ["epoch_loss"]
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    finally:
        signal.alarm(0)
        process.kill()
        process.wait()


def fetch(url: str) -> dict:
    # Without the proxy that the environment may name.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=SECONDS) as answer:
        return json.load(answer)
