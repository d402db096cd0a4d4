"""Kernel initializer: a spot of the image each, and as large as He's."""

import keras
import numpy as np
import pytest

from components.training.initializers import LocalHeNormal


def draw(seed: int, units: int = 400) -> np.ndarray:
    """Weights as images, [units, 28, 28]."""
    keras.utils.set_random_seed(seed)
    return np.asarray(LocalHeNormal(28, 28)((784, units))).T.reshape(-1, 28, 28)


def test_weights_have_the_variance_of_he_normal() -> None:
    weights = draw(1)

    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(0.0, abs=1e-3)
    assert (weights**2).mean() == pytest.approx(2 / 784, rel=0.05)
    assert (weights**2).mean(axis=(1, 2)) == pytest.approx(2 / 784, rel=0.75)


def test_each_unit_looks_at_a_spot_and_all_of_them_at_the_whole_image() -> None:
    energy = draw(1) ** 2
    mass = energy.sum(axis=(1, 2))
    rows = energy.sum(axis=2) @ np.arange(28) / mass
    columns = energy.sum(axis=1) @ np.arange(28) / mass
    distance = (np.arange(28)[:, None] - rows[:, None, None]) ** 2 + (
        np.arange(28) - columns[:, None, None]
    ) ** 2
    spread = np.sqrt((energy * distance).sum(axis=(1, 2)) / mass)

    # Squared, a window of 2 to 5 pixels is one of 1.4 to 3.5 along each axis.
    assert 1.2 < spread.min() < 2.5
    assert 3.5 < spread.max() < 5.5
    for centre in (rows, columns):
        assert 2.5 < centre.min() < 5.5
        assert 21.5 < centre.max() < 24.5
        assert centre.mean() == pytest.approx(13.5, abs=1.0)


def test_the_seed_decides() -> None:
    np.testing.assert_array_equal(draw(1), draw(1))
    assert np.abs(draw(1) - draw(2)).max() > 0.01


@pytest.mark.parametrize("shape", [(783, 4), (784,), (28, 28, 4)])
def test_other_than_images_is_refused(shape) -> None:
    with pytest.raises(ValueError, match=r"Expected weights of shape \[784, units\]"):
        LocalHeNormal(28, 28)(shape)


def test_a_saved_model_remembers_it() -> None:
    saved = keras.saving.serialize_keras_object(LocalHeNormal(28, 28))

    assert isinstance(keras.saving.deserialize_keras_object(saved), LocalHeNormal)
