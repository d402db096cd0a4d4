"""Requests to stop: raised once, then left alone while the run says how it ended."""

import os
import signal
import subprocess
import sys
import time

import pytest

from components.checkout import PROJECT_ROOT
from pipeline.environment.stop_signals import (
    StopRequested,
    finish_undisturbed,
    stop_received,
    stopping_on_signals,
)

pytestmark = pytest.mark.slow

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def handlers():
    """Puts back what the tests change for their process."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_like_ctrl_c_and_says_which(number, handlers):
    with stopping_on_signals():
        assert stop_received() is None
        with pytest.raises(KeyboardInterrupt) as raised:
            signal.raise_signal(number)
        assert isinstance(raised.value, StopRequested)
        assert str(raised.value) == stop_received()
        assert number.name in stop_received().replace("Ctrl-C", "SIGINT")
    assert signal.getsignal(number) == handlers[number]


def test_the_second_request_disturbs_nothing():
    with stopping_on_signals():
        with pytest.raises(StopRequested):
            signal.raise_signal(signal.SIGTERM)
        for number in SIGNALS:
            signal.raise_signal(number)
        assert "SIGTERM" in stop_received()


def test_a_request_that_a_library_kept_can_be_made_again(monkeypatch):
    with stopping_on_signals():
        with pytest.raises(StopRequested):
            signal.raise_signal(signal.SIGTERM)
        later = time.monotonic() + 60
        monkeypatch.setattr(time, "monotonic", lambda: later)
        with pytest.raises(StopRequested):
            signal.raise_signal(signal.SIGTERM)


def test_who_finishes_hears_nothing_to_the_last():
    with stopping_on_signals():
        finish_undisturbed()
        signal.raise_signal(signal.SIGTERM)
    for number in SIGNALS:
        signal.raise_signal(number)
    assert stop_received() is None


def test_what_was_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stopping_on_signals():
        signal.raise_signal(signal.SIGHUP)
        assert stop_received() is None
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_stopped_before_its_first_node_says_so(tmp_path, number):
    command = [sys.executable, "-m", "pipeline.cli", "run", "--workspace", tmp_path]
    with subprocess.Popen(
        command,
        cwd=PROJECT_ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
    ) as process:
        assert process.stderr.readline().startswith("run ")
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 1
    assert "Expected the run to come to its first node. Received: " in said
    assert "Traceback" not in said


def test_a_node_stopped_in_a_container_writes_down_that_it_was(tmp_path):
    options = ["--node", "ExampleGen", "--run-id", "r", "--workspace", tmp_path]
    slow = (
        "import os, signal, sys\n"
        "from pipeline import local_runner, node_runner\n"
        "from pipeline.cluster.container import main\n"
        "def launch(*_):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "local_runner._launch = launch\n"
        "main(node_runner.cli)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", slow, *options, "--preset", "quick"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Received: a request to end, SIGTERM. Run again" in done.stdout
    [record] = tmp_path.rglob("ExampleGen.json")
    assert '"failed"' in record.read_text(encoding="utf-8")
