"""Accuracy that keeps the confusion matrix it is read from."""

from typing import Any

import keras

from components.features import NUM_CLASSES


class ConfusionAccuracy(keras.metrics.Metric):
    """Share of examples on the diagonal of the confusion matrix.

    Attributes:
      counts: float32 [10, 10], true class by predicted class, since the last reset.
        Whole up to 16,777,216 examples a cell.
    """

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.counts = self.add_weight(
            shape=(NUM_CLASSES, NUM_CLASSES), initializer="zeros", name="counts"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch: one-hot float32 [n, 10], logits float32 [n, 10]."""
        predicted = keras.ops.one_hot(keras.ops.argmax(y_pred, axis=1), NUM_CLASSES)
        true = keras.ops.cast(y_true, predicted.dtype)
        self.counts.assign_add(keras.ops.matmul(keras.ops.transpose(true), predicted))

    def result(self) -> Any:
        """Returns the accuracy, a float32 scalar; 0 before the first example."""
        total = keras.ops.sum(self.counts)
        correct = keras.ops.sum(keras.ops.diagonal(self.counts))
        return keras.ops.divide_no_nan(correct, total)
