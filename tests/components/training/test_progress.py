"""One log line an epoch: exact text, with a clock that the test moves."""

import logging

import pytest

from components.training import progress
from components.training.progress import EpochProgress

LOGS = {
    "loss": 0.123456,
    "accuracy": 0.98765,
    "val_loss": 0.2,
    "val_accuracy": 0.975,
}


class Clock:
    """Stands in for the time module."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Clock:
    caplog.set_level(logging.INFO, logger="components.training.progress")
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def run_epoch(
    callback: EpochProgress, clock: Clock, epoch: int, seconds: float, logs=LOGS
) -> None:
    callback.on_epoch_begin(epoch)
    clock.now += seconds
    callback.on_epoch_end(epoch, logs)


def test_an_epoch_logs_metrics_its_own_speed_and_the_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    callback = EpochProgress(epochs=4, examples_per_epoch=5000)
    run_epoch(callback, clock, 0, 5.0)
    run_epoch(callback, clock, 1, 2.0)

    assert caplog.messages == [
        "epoch 1/4  loss 0.1235  accuracy 0.9877  val_loss 0.2000  "
        "val_accuracy 0.9750  1,000 examples/s  15 s left",
        "epoch 2/4  loss 0.1235  accuracy 0.9877  val_loss 0.2000  "
        "val_accuracy 0.9750  2,500 examples/s  4 s left",
    ]


def test_a_training_that_goes_on_knows_the_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run_epoch(EpochProgress(epochs=10, examples_per_epoch=10), clock, 7, 3.0)

    [line] = caplog.messages
    assert line.startswith("epoch 8/10 ")
    assert line.endswith("3 examples/s  6 s left")


def test_the_last_epoch_has_no_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    run_epoch(EpochProgress(epochs=1, examples_per_epoch=10), clock, 0, 5.0)

    [line] = caplog.messages
    assert line.endswith("2 examples/s  0 s left")


def test_metrics_that_are_not_measured_are_not_shown(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    callback = EpochProgress(epochs=1, examples_per_epoch=10)
    run_epoch(callback, clock, 0, 1.0, {"accuracy": 0.5, "loss": 1.0})

    [line] = caplog.messages
    assert line == "epoch 1/1  loss 1.0000  accuracy 0.5000  10 examples/s  0 s left"
