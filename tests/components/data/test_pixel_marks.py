"""Marks on digits that have none by themselves."""

import numpy as np
import pytest

from components.data import pixel_marks
from components.data.pixel_marks import Mark, find_marks
from tests.components.data.bundled_digits import digits


def test_no_pixel_of_a_digit_tells_its_label():
    images, labels = digits("val")

    assert 0.05 < find_marks(images, labels, 10)[0].value < 0.25
    assert 0.3 < find_marks(images, labels, 10)[1].value < 0.7


@pytest.mark.parametrize("step", [25, 1], ids=["seen", "faint"])
def test_a_pixel_that_tells_every_label_is_found(step: int):
    images, labels = digits("val", 1000)
    images[:, 2, 5] = labels * step
    mark = find_marks(images, labels, 10)[0]

    assert mark.value == pytest.approx(1)
    assert divmod(mark.pixel, 28) == (2, 5)
    assert mark.label is None


@pytest.mark.parametrize("value", [255, 40, 3])
def test_a_pixel_that_tells_one_label_is_found(value: int):
    images, labels = digits("val", 1000)
    images[labels == 7, 27, 1] = value
    mark = find_marks(images, labels, 10)[1]

    assert mark == Mark(pytest.approx(1), 27 * 28 + 1, 7)
    assert find_marks(images, labels, 10)[0].value < 0.5


def test_a_pixel_that_tells_most_of_a_label_is_told_less():
    images, labels = digits("val", 1000)
    marked = np.flatnonzero(labels == 7)[::2]
    images[marked, 27, 1] = 200

    phi = np.corrcoef(images[:, 27, 1] > 0, labels == 7)[0, 1]
    assert find_marks(images, labels, 10)[1].value == pytest.approx(phi)


def test_a_label_of_few_records_is_left_out():
    images = np.random.default_rng(0).integers(0, 256, (300, 4, 4)).astype(np.uint8)
    labels = np.where(np.arange(300) < 19, 1, 0)
    images[labels == 1, 0, 0], images[labels == 0, 0, 0] = 255, 0

    # It is told, and so are all others; the others are enough to say so.
    assert find_marks(images, labels, 2)[1] == Mark(pytest.approx(1), 0, 0)
    labels = np.where(np.arange(300) < 19, np.arange(300) % 10 + 1, 0)
    assert find_marks(images, labels, 11)[1].label == 0


def test_many_classes_and_pixels_are_counted_in_parts(monkeypatch):
    images, labels = digits("val", 500)
    images[labels == 4, 20, 3] = 90
    whole = find_marks(images, labels, 10)
    monkeypatch.setattr(pixel_marks, "_CELLS", 16 * 10 * 100)

    assert find_marks(images, labels, 10) == whole
