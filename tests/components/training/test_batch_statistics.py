"""Statistics of batch normalization are those of the examples, exactly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.training.batch_statistics import measure_statistics
from components.training.model import build_model

pytestmark = pytest.mark.slow


def batches(images: np.ndarray, size: int) -> tf.data.Dataset:
    labels = np.zeros((len(images), 10), np.float32)
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(size)


@pytest.fixture
def images() -> np.ndarray:
    rows = np.random.default_rng(0).random((120, 784))
    # The batches differ, so that the variance is more than the mean of theirs.
    return (rows * np.linspace(0.1, 1, 120)[:, None]).astype(np.float32)


@pytest.mark.parametrize("size", [120, 30])
def test_every_layer_is_normalized_over_all_examples(images, size: int) -> None:
    """Whatever the statistics were before, and however the examples are cut."""
    model = build_model(MNIST, ModelHyperparameters(hidden_units=(16, 8), dropout=0.5))
    normalizations = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in normalizations:
        layer.moving_mean.assign(np.full(layer.moving_mean.shape, 50.0))

    measure_statistics(model, batches(images, size))

    assert len(normalizations) == 2
    for layer in normalizations:
        normalized = keras.Model(model.input, layer.output)(images, training=False)
        np.testing.assert_allclose(np.mean(normalized, axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(np.std(normalized, axis=0), 1, atol=0.02)


def test_axes_other_than_the_features_are_averaged_over() -> None:
    inputs = keras.Input((2, 3))
    normalization = keras.layers.BatchNormalization()
    model = keras.Model(inputs, normalization(inputs))
    values = np.arange(24, dtype=np.float32).reshape(4, 2, 3)

    measure_statistics(model, batches(values, 2))

    np.testing.assert_allclose(normalization.moving_mean, values.mean((0, 1)))
    np.testing.assert_allclose(normalization.moving_variance, values.var((0, 1)))


def test_a_network_without_normalization_is_left_alone(images) -> None:
    model = build_model(
        MNIST, ModelHyperparameters(hidden_units=(8,), batch_normalization=False)
    )
    before = model.get_weights()

    measure_statistics(model, batches(images, 30))

    for weight, same in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
