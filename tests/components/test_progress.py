"""One log line an epoch: exact text, with a clock that the test moves."""

import logging

import pytest

from components import progress
from components.progress import EpochProgress

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
    caplog.set_level(logging.INFO, logger="components.progress")
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_an_epoch_logs_metrics_speed_and_the_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    callback = EpochProgress(epochs=4, examples_per_epoch=5000)
    callback.on_train_begin()
    clock.now += 2.0
    callback.on_epoch_end(0, LOGS)
    clock.now += 6.0
    callback.on_epoch_end(1, LOGS)

    assert caplog.messages == [
        "epoch 1/4  loss 0.1235  accuracy 0.9877  val_loss 0.2000  "
        "val_accuracy 0.9750  2,500 examples/s  6 s left",
        "epoch 2/4  loss 0.1235  accuracy 0.9877  val_loss 0.2000  "
        "val_accuracy 0.9750  1,250 examples/s  8 s left",
    ]


def test_the_last_epoch_has_no_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    callback = EpochProgress(epochs=1, examples_per_epoch=10)
    callback.on_train_begin()
    clock.now += 5.0
    callback.on_epoch_end(0, LOGS)

    [line] = caplog.messages
    assert line.endswith("2 examples/s  0 s left")


def test_a_metric_that_is_missing_shows_as_nan(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    callback = EpochProgress(epochs=1, examples_per_epoch=10)
    callback.on_train_begin()
    callback.on_epoch_end(0, {"loss": 1.0})

    [line] = caplog.messages
    assert "loss 1.0000  accuracy nan  val_loss nan  val_accuracy nan" in line


def test_training_again_restarts_the_clock(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    callback = EpochProgress(epochs=2, examples_per_epoch=100)
    callback.on_train_begin()
    clock.now += 1000.0
    callback.on_train_begin()
    clock.now += 10.0
    callback.on_epoch_end(0, LOGS)

    [line] = caplog.messages
    assert line.endswith("10 examples/s  10 s left")
