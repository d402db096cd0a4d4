"""Answers of made-up models, for the tests of ModelAudit's checks."""

import numpy as np

from components.data.audit_records import Records
from components.evaluation.answers import Answers

CLASSES = 10


def records(labels: np.ndarray, images: np.ndarray | None = None) -> Records:
    """Returns records with some labels, of noise unless images are given."""
    count = len(labels)
    if images is None:
        images = np.random.default_rng(0).integers(0, 256, (count, 8, 6), np.uint8)
    place = np.zeros(count, np.int64)
    return Records(images, labels, ("test.gz",), place, np.arange(count), count)


def answers(to: Records, predicted: np.ndarray, sure: float = 0.9) -> Answers:
    """Returns answers that name the predicted class of each record."""
    probabilities = np.full((len(predicted), CLASSES), (1 - sure) / (CLASSES - 1), "f4")
    probabilities[np.arange(len(predicted)), predicted] = sure
    return Answers(to, probabilities)


def right_but(to: Records, wrong: np.ndarray) -> Answers:
    """Returns answers that are right but for some, which name the next class."""
    return answers(to, np.where(wrong, (to.labels + 1) % CLASSES, to.labels))
