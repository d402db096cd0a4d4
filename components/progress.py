"""One log line an epoch, for the screen and for the log of a container."""

import logging
import time

import keras

_log = logging.getLogger(__name__)


class EpochProgress(keras.callbacks.Callback):
    """Logs loss, accuracy, examples per second and the time left."""

    def __init__(self, epochs: int, examples_per_epoch: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._examples = examples_per_epoch
        self._started = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Logs one line for the epoch that ended."""
        logs = logs or {}
        done = epoch + 1
        elapsed = max(time.monotonic() - self._started, 1e-9)
        _log.info(
            "epoch %d/%d  loss %.4f  accuracy %.4f  val_loss %.4f  val_accuracy %.4f"
            "  %s examples/s  %.0f s left",
            done,
            self._epochs,
            logs.get("loss", float("nan")),
            logs.get("accuracy", float("nan")),
            logs.get("val_loss", float("nan")),
            logs.get("val_accuracy", float("nan")),
            f"{done * self._examples / elapsed:,.0f}",
            elapsed / done * (self._epochs - done),
        )
