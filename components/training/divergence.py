"""Stops a training whose loss is no longer a number."""

import math
from typing import Any

import keras

from components.checks import Check, GateError
from components.gates import MODEL


class TrainingDivergedError(GateError):
    """The loss is not finite; more steps would not change that."""


class StopOnDivergence(keras.callbacks.Callback):
    """Looks at the loss of each ``steps_per_execution`` steps and each validation.

    Args:
      epochs: how many there are in all.
      steps: updates in an epoch.

    Raises:
      TrainingDivergedError: the loss is infinite or not a number.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._steps = steps
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Remembers which epoch it is."""
        self._epoch = epoch

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Looks at the mean training loss of the epoch so far."""
        # The last call of an epoch may be after fewer steps than the others.
        self._check("training", logs, "loss", min(batch + 1, self._steps))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the validation loss, which the last update shows in first."""
        self._check("validation", logs, "val_loss", self._steps)

    def _check(
        self, kind: str, logs: dict[str, Any] | None, name: str, step: int
    ) -> None:
        loss = float((logs or {}).get(name, 0.0))
        if math.isfinite(loss):
            return
        total = self._epochs * self._steps
        rate = float(self.model.optimizer.learning_rate)
        step += self._epoch * self._steps
        check = Check(
            gate=MODEL.id,
            name=f"{kind} loss",
            slice=f"epoch {self._epoch + 1} of {self._epochs}",
            value=f"{loss} by step {step} of {total}, at learning rate {rate:.3g}",
            bound="finite",
            passed=False,
            advice="The training diverged. Lower train.learning_rate.",
        )
        raise TrainingDivergedError([check])
