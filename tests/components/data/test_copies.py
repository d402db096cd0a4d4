"""Copies that must be found, and other digits that must not."""

import numpy as np
import pytest

from components.data.copies import CopyFinder, repeated
from tests.components.data.bundled_digits import digits


def test_repeats_are_counted_but_for_the_first():
    images = np.zeros((5, 2, 2), np.uint8)
    images[1, 0, 0] = images[4, 0, 0] = 1
    assert repeated(images).tolist() == [False, False, True, True, True]
    assert repeated(images[:0]).tolist() == []


def noisy(images: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 5, images.shape)
    return np.clip(images + noise, 0, 255)


def one_pixel(images: np.ndarray) -> np.ndarray:
    images[:, 3, 3] = 255
    return images


@pytest.mark.parametrize(
    "change",
    [lambda x: x, one_pixel, lambda x: np.roll(x, 1, 2), lambda x: x * 0.6, noisy],
    ids=["same", "one pixel", "shifted", "dimmed", "noisy"],
)
def test_copies_are_near(change):
    images, _ = digits("test", 200)
    among, _ = digits("val")
    among[100:300] = change(images.astype(np.float32)).astype(np.uint8)
    nearest, distance = CopyFinder(among).nearest(images)
    found = np.isfinite(distance)
    assert found.mean() >= 0.9
    assert (nearest[found] == np.arange(100, 300)[found]).all()


def test_other_digits_are_not_near():
    images, _ = digits("test", 1000)
    among, _ = digits("val")
    _, distance = CopyFinder(among).nearest(images)
    assert np.isfinite(distance).mean() <= 0.001


def test_images_of_one_value_are_no_copies():
    among = np.zeros((40, 28, 28), np.uint8)
    _, distance = CopyFinder(among).nearest(among[:3])
    assert np.isinf(distance).all()


def test_many_images_at_one_place_are_searched_once():
    images = digits("test", 3)[0][:3]
    among = np.repeat(images[:1], 500, axis=0)
    among[300:] = images[1]
    nearest, distance = CopyFinder(among).nearest(images)
    assert nearest[:2].tolist() == [0, 300]
    assert np.isfinite(distance).tolist() == [True, True, False]
