"""What TensorBoard shows of a training beside the curves that Keras writes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.training.checkpoints import History
from components.training.confusion import ConfusionAccuracy
from components.training.plots import confusion_plot


class ConfusionBoard(keras.callbacks.Callback):
    """Writes the confusion matrix of the validation split after each epoch.

    Keras has just measured that split then, so nothing is predicted again.

    Args:
      folder: receives the event files.
      accuracy: what the model was compiled with.
    """

    def __init__(self, folder: Path, accuracy: ConfusionAccuracy) -> None:
        super().__init__()
        self._folder = folder
        self._accuracy = accuracy

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draws the matrix of the epoch that ended."""
        counts = np.rint(keras.ops.convert_to_numpy(self._accuracy.counts))
        plot = confusion_plot(counts.astype(np.int64))
        write_plot(self._folder, "confusion_matrix", plot, epoch)


def write_plot(folder: Path, name: str, plot: np.ndarray, epoch: int) -> None:
    """Adds a plot, uint8 [height, width] or [height, width, 3], to TensorBoard."""
    image = plot.reshape(1, *plot.shape[:2], -1)
    with tf.summary.create_file_writer(str(folder)).as_default(step=epoch):
        tf.summary.image(name, image)


def write_curves(folder: Path, history: History) -> None:
    """Adds the curves of epochs that another process trained.

    They go where Keras's callback puts its own: training and validation apart.
    """
    for part, prefix in (("train", ""), ("validation", "val_")):
        writer = tf.summary.create_file_writer(str(folder / part))
        with writer.as_default():
            for name, values in history.items():
                if name.startswith("val_") != bool(prefix):
                    continue
                for epoch, value in enumerate(values):
                    tf.summary.scalar(
                        f"epoch_{name.removeprefix(prefix)}", value, step=epoch
                    )
