"""Profiles of the bundled digits: what passes, and what is outside."""

import numpy as np
import pytest

from components.data.profile import (
    NEW_PLACES,
    PROFILE_FILE,
    TRAITS,
    fit_profile,
    read_profile,
    write_profile,
)
from tests.components.data.bundled_digits import digits


@pytest.fixture(scope="module")
def profile():
    return fit_profile(*digits("val"), classes=10)


def share_outside(profile, images: np.ndarray) -> float:
    return float(profile.outside(profile.traits(images)).any(axis=1).mean())


def test_other_digits_are_inside(profile):
    images, _ = digits("test", 2000)
    assert profile.base < 0.01
    assert share_outside(profile, images) - profile.base < 0.004


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda x: 255 - x, 1.0),
        (lambda x: np.roll(x, 2, axis=2), 0.9),
        (lambda x: x[:, ::-1], 0.8),
        (lambda x: x.transpose(0, 2, 1), 0.1),
        (lambda x: np.where(np.arange(28) < 14, x, 0), 0.9),
        (lambda x: np.roll(x, 97, axis=1) // 2 + 100, 1.0),
    ],
    ids=["inverted", "shifted", "flipped", "transposed", "cut off", "bright"],
)
def test_changed_digits_are_outside(profile, change, least):
    images, _ = digits("test", 1000)
    assert share_outside(profile, change(images).astype(np.uint8)) >= least


def test_one_pixel_where_there_was_never_ink_is_named(profile):
    images, _ = digits("test", 500)
    images[:, 0, 0] = 255
    outside = profile.outside(profile.traits(images))
    assert (outside[:, TRAITS.index(NEW_PLACES)] > 0).all()


def test_a_shift_of_the_mean_is_in_standard_deviations(profile):
    images, _ = digits("val")
    traits = profile.traits(images)
    assert profile.shift(traits).max() < 0.01
    moved = traits.copy()
    moved[:, 0] += 2 * traits[:, 0].std()
    assert profile.shift(moved)[0] == pytest.approx(2, abs=0.01)


def test_a_class_that_moved_alone_is_named(profile):
    images, labels = digits("val")
    traits = profile.traits(images)
    assert profile.class_shift(traits, labels).max() < 0.01
    # The spread of the slant of sixes alone.
    slant = TRAITS.index("slant")
    traits[labels == 6, slant] += 2 * traits[labels == 6, slant].std()
    moved = profile.class_shift(traits, labels)
    assert np.unravel_index(moved.argmax(), moved.shape) == (6, slant)
    assert moved.max() == pytest.approx(2, abs=0.01)


def test_a_class_of_few_records_moved_nowhere(profile):
    images, labels = digits("val")
    few = np.r_[np.flatnonzero(labels == 6)[:10], np.flatnonzero(labels != 6)]
    traits = profile.traits(images[few]) + 5
    moved = profile.class_shift(traits, labels[few])
    assert (moved[6] == 0).all()
    assert (np.delete(moved, 6, axis=0) > 0).any(axis=1).all()


def test_a_grey_ground_is_outside(profile):
    images, _ = digits("test", 500)
    outside = profile.outside(profile.traits(np.maximum(images, 30)))
    assert (outside[:, TRAITS.index("dark ground")] > 0).all()


def test_a_profile_is_read_back_as_it_was(profile, tmp_path):
    write_profile(tmp_path, profile)
    found = read_profile(tmp_path)
    images, _ = digits("test", 100)
    assert (found.count, found.base) == (profile.count, profile.base)
    assert (found.traits(images) == profile.traits(images)).all()
    assert (found.least == profile.least).all()


def test_a_damaged_profile_is_refused(tmp_path):
    (tmp_path / PROFILE_FILE).write_bytes(b"no archive")
    with pytest.raises(ValueError, match="pickle"):
        read_profile(tmp_path)
