"""The tables of planted defects: their plants are pure, and give what records hold."""

import numpy as np
import pytest

from tests.defects.kind import Kind
from tests.defects.kinds import KINDS
from tests.defects.plants import ALL, Splits
from tests.defects.test_defects import ALL as EVERY_KIND

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def splits() -> Splits:
    """Random images with ink in the middle, 600 a split."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 600, 28, 28), dtype=np.uint8)
    images[:, :, :4] = images[:, :, -4:] = 0
    labels = rng.integers(0, 10, (3, 600))
    return dict(zip(ALL, zip(images, labels, strict=True), strict=True))


def test_no_two_kinds_have_one_name() -> None:
    names = [kind.name for kind in EVERY_KIND]
    assert len(set(names)) == len(names) >= 70


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_plant_changes_a_copy(splits: Splits, kind: Kind) -> None:
    before = {name: (i.copy(), n.copy()) for name, (i, n) in splits.items()}

    spoilt = kind.plant(splits)

    changed = False
    for name, (images, labels) in before.items():
        assert np.array_equal(splits[name][0], images)
        assert np.array_equal(splits[name][1], labels)
        pixels, classes = spoilt[name]
        assert (pixels.dtype, classes.dtype) == (np.uint8, np.int64)
        assert pixels.shape == (len(classes), 28, 28)
        assert set(classes.tolist()) <= set(range(10))
        changed |= not (np.array_equal(pixels, images) and len(classes) == len(labels))
        changed |= not np.array_equal(classes, labels)
    # A share of 600 may be no record at all.
    assert changed or "1 in 2,000" in kind.name
    again = kind.plant(splits)
    assert all(np.array_equal(again[n][0], spoilt[n][0]) for n in ALL)
