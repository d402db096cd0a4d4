"""Directions against an exact decomposition, and samples that hide no label."""

import numpy as np
import pytest

from components.data.directions import main_directions, sampled
from tests.components.data.bundled_digits import digits


def test_the_directions_of_digits_are_those_of_an_exact_decomposition():
    flat = digits("val", 1000)[0].reshape(1000, -1)
    found = main_directions(flat, 8)
    assert found.shape == (784, 8)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.T @ found, np.eye(8), atol=1e-4)
    _, _, exact = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(np.diag(exact[:8] @ found)), 1, atol=1e-3)


@pytest.mark.parametrize("count", [0, 1, 50])
def test_images_without_variance_have_directions_too(count):
    found = main_directions(np.full((count, 4), 7, np.uint8), 16)
    assert found.shape == (4, 4)
    assert np.isfinite(found).all()


def test_a_sample_is_in_order_and_holds_every_label_of_labels_that_take_turns():
    chosen = sampled(100_000, 10_000)
    assert len(chosen) == 10_000
    assert (np.diff(chosen) > 0).all()
    shares = np.bincount(chosen % 10, minlength=10) / len(chosen)
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.02)
    assert sampled(5, 10).tolist() == [0, 1, 2, 3, 4]
