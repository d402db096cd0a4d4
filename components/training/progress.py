"""One log line an epoch, for the screen and for the log of a container."""

import logging
import time
from typing import Any

import keras

_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
_log = logging.getLogger(__name__)


class EpochProgress(keras.callbacks.Callback):
    """Logs the metrics of an epoch, its examples per second and the time left."""

    def __init__(self, epochs: int, examples_per_epoch: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._examples = examples_per_epoch
        self._started = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Logs one line for the epoch that ended."""
        logs = logs or {}
        done = epoch + 1
        seconds = max(time.monotonic() - self._started, 1e-9)
        metrics = "  ".join(
            f"{name} {logs[name]:.4f}" for name in _METRICS if name in logs
        )
        _log.info(
            "epoch %d/%d  %s  %s examples/s  %.0f s left",
            done,
            self._epochs,
            metrics,
            f"{self._examples / seconds:,.0f}",
            seconds * (self._epochs - done),
        )
