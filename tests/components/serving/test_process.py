"""The process that ServingCheck asks, and how it deals with one that goes wrong."""

import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path

import pytest

from components.gate_settings import ServingCheckSettings
from components.serving import process as serving_process
from components.serving.check import check_export
from tests.components.serving.models import (
    failed,
    hang_on_batches,
    save_model,
    save_reference,
)

pytestmark = pytest.mark.slow

SETTINGS = ServingCheckSettings()


@pytest.fixture
def model_run(tmp_path: Path) -> Path:
    return save_reference(tmp_path / "run")


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen]:
    """The processes that the check starts."""
    started = []

    class Recorded(subprocess.Popen):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(serving_process.subprocess, "Popen", Recorded)
    return started


def wait_until_busy(folder: Path, step: str) -> None:
    """Waits until a probe that writes into a folder has begun a step, and some more."""
    while not any(step in file.read_text() for file in folder.glob("*/calls")):
        time.sleep(0.05)
    time.sleep(0.2)


def assert_gone(group: int) -> None:
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def test_a_model_that_hangs_is_killed_in_time(
    tmp_path: Path, model_run: Path, probes
) -> None:
    export = save_model(tmp_path / "model", change=hang_on_batches)
    settings = dataclasses.replace(SETTINGS, timeout=20.0)
    started = time.monotonic()

    checks = check_export(export, model_run, settings)

    assert time.monotonic() - started < 25
    found = failed(checks)
    assert found.pop(("time or chance", "export")) == "Timestamp"
    [(check, value)] = found.items()
    assert check == ("answers in time", "predict_pixels")
    assert 20 <= value < 22
    [check] = [check for check in checks if check.name == "answers in time"]
    assert check.bound == 20.0
    assert "busy with a batch." in check.advice
    # What was seen before it hung is judged as well.
    assert {check.slice for check in checks if check.name == "latency in ms"} == {
        "serving_default"
    }
    assert [probe.returncode for probe in probes] == [-signal.SIGKILL] * 2
    for probe in probes:
        assert_gone(probe.pid)


def test_a_model_that_crashes_fails_where_it_crashed(
    tmp_path: Path, model_run: Path, probes, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An earlier test may have made TensorFlow quiet.
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    export = save_model(tmp_path / "model", change=hang_on_batches)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def crash() -> None:
        wait_until_busy(folder, '"predict_pixels", "step": "a batch"')
        os.kill(probes[0].pid, signal.SIGSEGV)

    thread = threading.Thread(target=crash)
    thread.start()
    checks = check_export(export, model_run, SETTINGS)
    thread.join()

    found = failed(checks)
    assert found.pop(("time or chance", "export")) == "Timestamp"
    [(check, value)] = found.items()
    assert check == ("does not crash", "predict_pixels")
    assert value.startswith("signal 11 during a batch")
    for probe in probes:
        assert_gone(probe.pid)
    # TensorFlow says at its start what it found; that reaches the node's log.
    assert capsys.readouterr().err.strip()


def test_a_node_that_is_stopped_stops_its_probe(
    tmp_path: Path, model_run: Path, probes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self, timeout=None) -> int:
        monkeypatch.undo()
        raise KeyboardInterrupt

    export = save_model(tmp_path / "model")
    monkeypatch.setattr(serving_process.subprocess.Popen, "wait", interrupted)

    with pytest.raises(KeyboardInterrupt):
        check_export(export, model_run, SETTINGS)

    assert len(probes) == 2
    for probe in probes:
        assert_gone(probe.pid)


def test_a_probe_that_cannot_start_fails_with_its_last_line(
    tmp_path: Path, model_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_process.serving_probe, "__name__", "components.no_such")

    checks = check_export(save_model(tmp_path / "model"), model_run, SETTINGS)

    [((name, part), value)] = failed(checks).items()
    assert (name, part) == ("does not crash", "export")
    assert value.startswith("exit 1 during starting: ")
    assert value.endswith("No module named components.no_such")


def test_the_process_has_no_keras_as_a_server_has_none() -> None:
    code = (
        "import runpy, sys\n"
        "runpy.run_module('components.serving.probe', run_name='__main__')\n"
        "print('tensorflow' in sys.modules, sys.modules['keras'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout == "True None\n"


def test_notes_of_tensorflow_are_copied_but_are_not_the_last_line(capsys) -> None:
    lines = [
        "2026-11-23 11:12:41.1: W tensorflow/compiler/x.cc:38] a warning\n",
        "I0000 00:00:1795427159.320299    5799 port.cc:153] a note\n",
        "MemoryError: the cause\n",
        "\n",
        "2026-11-23 11:12:41.2: I tensorflow/y.cc:1] another note\n",
    ]
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        stream.writelines(lines)
    last_lines = deque[str](maxlen=1)

    serving_process._forward(os.fdopen(read), last_lines)

    assert list(last_lines) == ["MemoryError: the cause"]
    assert capsys.readouterr().err == "".join(lines)


def test_a_process_that_dies_before_it_reads_says_how(probes) -> None:
    def kill_it() -> None:
        while not probes:
            time.sleep(0.01)
        os.killpg(probes[0].pid, signal.SIGKILL)

    threading.Thread(target=kill_it).start()
    [end] = serving_process.run_probes([({"folder": "x" * 1_000_000}, 60.0)])

    assert end.exit_code == -signal.SIGKILL
    assert end.seconds < 30
