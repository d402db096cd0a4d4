"""What TensorBoard shows of a training beside the curves that Keras writes."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from components.checkpoints import History
from components.features import NUM_CLASSES
from components.pictures import confusion_picture


class ConfusionBoard(keras.callbacks.Callback):
    """Writes the confusion matrix of the validation split after each epoch.

    Args:
      folder: receives the event files.
      batches: of (float32 [n, 784], one-hot float32 [n, 10]).
    """

    def __init__(self, folder: Path, batches: tf.data.Dataset) -> None:
        super().__init__()
        self._folder = folder
        self._batches = batches

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draws the matrix of the epoch that ended."""
        counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
        for image, label in self._batches:
            predicted = np.argmax(self.model.predict_on_batch(image), axis=1)
            np.add.at(counts, (np.argmax(label, axis=1), predicted), 1)
        write_image(self._folder, "confusion_matrix", confusion_picture(counts), epoch)


def write_image(folder: Path, name: str, picture: np.ndarray, epoch: int) -> None:
    """Adds a picture, uint8 [height, width] or [height, width, 3], to TensorBoard."""
    image = picture.reshape(1, *picture.shape[:2], -1)
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
