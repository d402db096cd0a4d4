"""What a model answers to the records of a split; the checks of ModelAudit read it."""

from collections.abc import Callable

import attrs
import numpy as np
import tensorflow as tf
from tfx.utils.path_utils import serving_model_path

from components.data.audit_records import Records
from components.data.model_answers import probabilities
from components.plain_paths import plain_path


@attrs.frozen(eq=False)
class Answers:
    """The answers of one model to the records of one split.

    Attributes:
      records: that it was shown.
      probabilities: float32 [n, classes].
    """

    records: Records
    probabilities: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """The most probable class of each record, int64 [n]."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """Whether that is the record's label, bool [n]."""
        return self.predicted == self.records.labels


# Shows the records to the model at a URI.
Ask = Callable[[str, Records], Answers]


def load_model(uri: str) -> Callable[[Records], Answers]:
    """Loads a model, once for all the records that it is shown.

    Args:
      uri: of its ``Model`` artifact.

    Returns:
      Shows it records; raises ``tf.errors.OpError`` or ``ValueError`` where it takes
      images of another size.

    Raises:
      OSError: the model cannot be read.
      KeyError: it lacks the signature ``predict_pixels``.
    """
    with plain_path(serving_model_path(uri)) as folder:
        model = tf.saved_model.load(folder)

    def ask(records: Records) -> Answers:
        # A signature by itself does not keep the variables of its model.
        signature = model.signatures["predict_pixels"]
        return Answers(records, probabilities(signature, records.images))

    return ask
