"""What a model answers to records and pictures; the checks of ModelAudit read it."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import tensorflow as tf
from tfx.utils.path_utils import serving_model_path

from components.data.audit_records import Records
from components.data.model_answers import probabilities
from components.features import CLASS_ID, PROBABILITIES, STATE, SURE, UNKNOWN
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


@attrs.frozen(eq=False)
class PictureAnswers:
    """The answers of one model to pictures, as whoever sends it a file gets them.

    Attributes:
      pictures: uint8 [n, height, width].
      sure: which answers are to be trusted, by their ``state``, bool [n].
      judged: whether the model can tell; one that nothing was measured for cannot.
      predicted: the class, int64 [n]; -1 where there is none.
      confidence: its probability, float32 [n].
    """

    pictures: np.ndarray
    sure: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    judged: bool = True


# Shows the records to the model at a URI.
Ask = Callable[[str, Records], Answers]


@attrs.frozen(eq=False)
class LoadedModel:
    """An exported model.

    Attributes:
      exported: what TensorFlow loaded; a signature by itself does not keep the
        variables of its model.
    """

    exported: Any

    def ask(self, records: Records) -> Answers:
        """Shows it records.

        Raises:
          KeyError: it lacks the signature ``predict_pixels``.
          tf.errors.OpError: it takes images of another size.
          ValueError: likewise.
        """
        signature = self.exported.signatures["predict_pixels"]
        return Answers(records, probabilities(signature, records.images))

    def ask_pictures(self, pictures: np.ndarray) -> PictureAnswers:
        """Shows it pictures, uint8 [n, height, width], as PNG files.

        Raises:
          KeyError: it lacks the signature ``predict_image`` or an output of it.
        """
        files = [tf.io.encode_png(picture[:, :, None]) for picture in pictures]
        with _graph_optimizer_off():
            answer = self.exported.signatures["predict_image"](images=tf.stack(files))
        state = answer[STATE].numpy()
        return PictureAnswers(
            pictures,
            state == SURE.encode(),
            answer[CLASS_ID].numpy(),
            answer[PROBABILITIES].numpy().max(axis=1),
            UNKNOWN.encode() not in state,
        )


@contextlib.contextmanager
def _graph_optimizer_off() -> Iterator[None]:
    """Leaves graphs as they are: for one call, optimizing one takes over a second."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        off = before.get("disable_meta_optimizer", False)
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": off})


def load_model(uri: str) -> LoadedModel:
    """Loads a model, once for all that it is shown.

    Args:
      uri: of its ``Model`` artifact.

    Raises:
      OSError: the model cannot be read.
    """
    with plain_path(serving_model_path(uri)) as folder:
        return LoadedModel(tf.saved_model.load(folder))
