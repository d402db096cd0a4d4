"""Estimates on digits whose wrong labels are known."""

import numpy as np
import pytest

from components.data.label_issues import out_of_fold, suspicion
from tests.components.data.bundled_digits import digits


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.0, 0.0, 0.015), (0.1, 0.06, 0.12)]
)
def test_the_share_of_wrong_labels_is_estimated(share, least, most):
    images, labels = digits("val")
    rng = np.random.default_rng(0)
    wrong = rng.random(len(labels)) < share
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, wrong.sum())) % 10
    suspects = suspicion(out_of_fold(images, labels, 10), labels) > 0
    assert least <= suspects.mean() <= most
    if share:
        assert wrong[suspects].mean() > 0.8


def test_suspicion_by_hand():
    probabilities = np.array(
        [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.05, 0.95]], np.float32
    )
    # Labelled 0: 0.9, 0.7 and 0.05, so 0.55 in the mean; labelled 1: 0.8.
    labels = np.array([0, 0, 1, 0])
    assert suspicion(probabilities, labels).tolist() == pytest.approx([0, 0, 0, 0.95])
