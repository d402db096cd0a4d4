"""Reads what the Evaluator measured."""

from collections import defaultdict
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    NO_PREDICTED_CLASS_ID,
)
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from components.features import LABEL
from components.plain_paths import plain_path

ACCURACY = "sparse_categorical_accuracy"
LOSS = "sparse_categorical_crossentropy"
COUNT = "example_count"
CONFUSION_MATRIX = "multi_class_confusion_matrix_at_thresholds"
CANDIDATE = "candidate"
BASELINE = "baseline"
_CHANGE = "candidate minus baseline"

# (label or None for all, metric) → value
_Values = dict[tuple[int | None, str], Any]


class EvaluationMetrics:
    """The metrics of one evaluation, by model, class and name.

    Args:
      uri: of the Evaluator's ``evaluation`` artifact.
      classes: how many there are.

    Raises:
      FileNotFoundError: it holds no metrics.
    """

    def __init__(self, uri: str, classes: int) -> None:
        self._uri, self._classes = uri, classes
        self._values: dict[str, _Values] = defaultdict(dict)
        with plain_path(uri) as folder:
            rows = list(tfma.load_metrics(folder))
        if not rows:
            raise FileNotFoundError(f"there are no metrics in {uri}")
        for row in rows:
            label = _label(row.slice_key)
            for item in row.metric_keys_and_values:
                # TFMA names models only where there are two.
                model = item.key.model_name or CANDIDATE
                if item.key.is_diff:
                    model = _CHANGE
                kind = item.value.WhichOneof("type")
                value = getattr(item.value, kind) if kind else None
                self._values[model][label, item.key.name] = value

    def scalar(self, model: str, label: int | None, name: str) -> float | None:
        """Returns a metric, or None where it could not be computed."""
        value = self._values.get(model, {}).get((label, name))
        number = getattr(value, "value", None)
        return number if number is not None and np.isfinite(number) else None

    def change(self, label: int | None, name: str) -> float | None:
        """Returns candidate minus baseline, or None where there is no such value."""
        return self.scalar(_CHANGE, label, name)

    def as_dict(self, model: str = CANDIDATE) -> dict[str, Any] | None:
        """Returns accuracy, loss and accuracy per class; None for no such model."""
        if model not in self._values:
            return None
        return {
            "accuracy": self.scalar(model, None, ACCURACY),
            "loss": self.scalar(model, None, LOSS),
            "per_class": {
                str(label): self.scalar(model, label, ACCURACY)
                for label in range(self._classes)
            },
        }

    def refusals(self) -> list[str]:
        """Returns why TFMA itself does not bless the model; empty where it does."""
        with plain_path(self._uri) as folder:
            result = tfma.load_validation_result(folder)
        if result.validation_ok:
            return []
        failures = [
            f"{failure.metric_key.name}, {_slice_text(part.slice_key)}: "
            f"{failure.message.strip() or failure.metric_value.double_value.value}"
            for part in result.metric_validations_per_slice
            for failure in part.failures
        ]
        missing = [f"no example of {s.feature_values}" for s in result.missing_slices]
        return [*failures, *missing] or ["it gives no reason"]

    def confusion_matrix(self, model: str = CANDIDATE) -> np.ndarray:
        """Returns counts int64 [classes, classes], a row for each true one.

        A prediction without any probability is in no column.
        """
        matrix = np.zeros((self._classes, self._classes), np.int64)
        value = self._values.get(model, {}).get((None, CONFUSION_MATRIX))
        if value is not None:
            for entry in value.matrices[0].entries:
                if entry.predicted_class_id != NO_PREDICTED_CLASS_ID:
                    cell = entry.actual_class_id, entry.predicted_class_id
                    matrix[cell] = round(entry.num_weighted_examples)
        return matrix


def _slice_text(key: metrics_for_slice_pb2.SliceKey) -> str:
    label = _label(key)
    return "overall" if label is None else f"class {label}"


def _label(key: metrics_for_slice_pb2.SliceKey) -> int | None:
    for part in key.single_slice_keys:
        if part.column == LABEL:
            return part.int64_value
    return None
