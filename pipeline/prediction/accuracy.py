"""How right a pushed model is on records in our layout; ``evaluate`` calls it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs
import numpy as np

from components.errors import DatasetError
from components.image_spec import ImageSpec
from pipeline.datasets.records import decode_examples, first_fault
from pipeline.datasets.shards import read_batches
from pipeline.prediction.predictor import ServedModel

_BATCH_SIZE = 1024
# As Keras clips before it takes the logarithm, so that both losses agree.
_EPSILON = 1e-7


@attrs.frozen
class Accuracy:
    """What was counted.

    Attributes:
      confusion: int64 [classes, classes], a row for each true label.
      loss: mean cross-entropy in nats.
    """

    confusion: np.ndarray
    loss: float

    @property
    def examples(self) -> int:
        """How many records there were."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of the records that were classified right."""
        return float(self.confusion.trace() / self.examples)


def measure(
    model: ServedModel, files: Iterable[Path], advance: Callable[[int], object]
) -> Accuracy:
    """Classifies every record, a batch at a time.

    Args:
      model: asked for each batch.
      files: TFRecords in our layout, gzip or not.
      advance: called with the number of records just classified.

    Raises:
      DatasetError: a record is of another layout, a file damaged, or none has any.
    """
    confusion = np.zeros((model.spec.classes, model.spec.classes), np.int64)
    loss = 0.0
    for images, labels in _read(files, model.spec):
        probabilities = model.predict(images.reshape(-1, *model.spec.size))
        np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
        given = probabilities[np.arange(len(labels)), labels]
        loss -= float(np.log(np.maximum(given, _EPSILON), dtype=np.float64).sum())
        advance(len(labels))
    if not confusion.any():
        raise DatasetError(
            f"Expected at least one record in {', '.join(map(str, files))}. "
            "Received: none. Convert or fetch the data set again."
        )
    return Accuracy(confusion, loss / int(confusion.sum()))


def _read(
    files: Iterable[Path], spec: ImageSpec
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for file in files:
        start = 0
        for records in read_batches(file, _BATCH_SIZE, sniff=True):
            examples = decode_examples(records, spec)
            if examples is None:
                raise DatasetError(
                    f"{file}: {first_fault(records, start, spec)}. "
                    "'mnist-pipeline data verify' checks all files; "
                    "'mnist-pipeline data convert' makes them."
                )
            yield examples
            start += len(records)
