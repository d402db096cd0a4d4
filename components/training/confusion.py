"""Accuracy that keeps the confusion matrix it is read from."""

from typing import Any

import keras


class ConfusionAccuracy(keras.metrics.Metric):
    """Share of examples on the diagonal of the confusion matrix.

    Args:
      classes: how many there are.

    Attributes:
      counts: float32 [classes, classes], true class by predicted class, since the
        last reset. Whole up to 16,777,216 examples a cell.
    """

    def __init__(self, classes: int, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.counts = self.add_weight(
            shape=(classes, classes), initializer="zeros", name="counts"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch: one-hot and logits, both float32 [n, classes]."""
        classes = self.counts.shape[0]
        predicted = keras.ops.one_hot(keras.ops.argmax(y_pred, axis=1), classes)
        true = keras.ops.cast(y_true, predicted.dtype)
        self.counts.assign_add(keras.ops.matmul(keras.ops.transpose(true), predicted))

    def result(self) -> Any:
        """Returns the accuracy, a float32 scalar; 0 before the first example."""
        total = keras.ops.sum(self.counts)
        correct = keras.ops.sum(keras.ops.diagonal(self.counts))
        return keras.ops.divide_no_nan(correct, total)
