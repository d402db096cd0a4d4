"""Properties of small images whose values are known by hand."""

import numpy as np
import pytest

from components.data.properties import PROPERTIES, grey, properties


def measured(image: np.ndarray) -> dict[str, float]:
    [row] = properties(image[None])
    return dict(zip(PROPERTIES, row.tolist(), strict=True))


def test_a_bar_is_where_it_is():
    image = np.zeros((6, 8), np.uint8)
    image[2:4, 5] = 255
    found = measured(image)
    assert found["brightness"] == pytest.approx(2 / 48)
    assert found["ink"] == pytest.approx(2 / 48)
    assert (found["centre, across"], found["centre, down"]) == (5, 2.5)
    assert (found["left edge"], found["right edge"]) == (5, 5)
    assert (found["top edge"], found["bottom edge"]) == (2, 3)
    # Two steps of 1 down among 40 pairs, and four across among 42.
    assert found["roughness"] == pytest.approx(2 / 40 + 4 / 42)
    assert found["slant"] == pytest.approx(0, abs=1e-6)


def test_a_diagonal_is_slanted():
    image = np.eye(7, dtype=np.uint8) * 255
    assert measured(image)["slant"] == pytest.approx(1)
    assert measured(image[:, ::-1])["slant"] == pytest.approx(-1)


def test_a_blank_image_has_its_edges_at_the_border():
    found = measured(np.zeros((6, 8), np.uint8))
    assert (found["left edge"], found["right edge"]) == (0, 7)
    assert all(np.isfinite(list(found.values())))


def test_no_image_gives_no_row():
    assert properties(np.empty((0, 28, 28), np.uint8)).shape == (0, len(PROPERTIES))


def test_colours_become_grey():
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[0, 0, 0] = 30, 60, 90
    assert grey(image).tolist() == [[[60, 0], [0, 0]]]
    plain = np.ones((1, 2, 2), np.uint8)
    assert grey(plain) is plain
