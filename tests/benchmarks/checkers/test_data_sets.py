"""Every checker is given the same draws and the same planted defects."""

import numpy as np
import pytest

from benchmarks.checkers.data_sets import data_sets, draw
from tests.defects.kinds import KINDS
from tests.defects.small_data import SIZES


@pytest.fixture(scope="module")
def arrays():
    """Images that tell their place, all there are."""
    rng = np.random.default_rng(0)
    return {
        split: (
            rng.integers(0, 256, (size + 50, 28, 28), "u1"),
            np.arange(size + 50) % 10,
        )
        for split, size in SIZES.items()
    }


def test_a_draw_has_its_sizes_and_no_record_twice(arrays):
    drawn = draw(arrays, 3)

    assert {split: len(labels) for split, (_, labels) in drawn.items()} == SIZES
    images = drawn["test"][0].reshape(SIZES["test"], -1)
    assert len(np.unique(images, axis=0)) == SIZES["test"]


def test_a_seed_draws_the_same_again_and_another_one_others(arrays):
    first, again, other = (draw(arrays, seed)["val"][0] for seed in (3, 3, 4))

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_every_nth_kind_is_planted_after_the_draws(arrays):
    made = [(name, part) for name, part, _ in data_sets(arrays, 30, 2, 1)]

    assert made == [
        ("data before", "before"),
        ("seed 2", "good"),
        ("seed 3", "good"),
        ("seed 4", "clean"),
        *((kind.name, "defect") for kind in KINDS[::30]),
    ]
    assert len(made) > 5
