"""Trainings with planted defects: run_fns that call ours and spoil a part of it.

``exports`` spoils what is exported; here it is the weights that are bad.
"""

from collections.abc import Callable
from unittest import mock

import attrs
import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from components.data.audit_records import read_records
from components.data.properties import PROPERTIES, properties
from components.examples import MemorySplit
from components.features import IMAGE
from components.image_spec import MNIST
from components.serving.signatures import Preprocess
from components.training import fit as fitting
from components.training import trainer
from components.training.fit import TrainingData

Examples = tuple[np.ndarray, np.ndarray]


def _train_on(change: Callable[[TrainingData], TrainingData], fn_args: FnArgs) -> None:
    """Runs our run_fn, but trains on other data; the rest sees what is right."""
    train = trainer.train

    def spoilt(recipe, data, *rest):
        return train(recipe, change(data), *rest)

    with mock.patch.object(trainer, "train", spoilt):
        trainer.run_fn(fn_args)


def _train_on_examples(change: Callable[..., Examples], fn_args: FnArgs) -> None:
    """Trains on images uint8 [n, pixels] and labels int64 [n] that are changed."""

    def spoilt(data: TrainingData) -> TrainingData:
        images, labels = data.train.images.numpy(), data.train.labels.numpy()
        return attrs.evolve(data, train=MemorySplit(*change(images, labels)))

    _train_on(spoilt, fn_args)


def _change_weights(change: Callable[[keras.Model], None], fn_args: FnArgs) -> None:
    """Runs our run_fn, but spoils the network that was trained."""
    train = trainer.train

    def spoilt(*args):
        model, history = train(*args)
        change(model)
        return model, history

    with mock.patch.object(trainer, "train", spoilt):
        trainer.run_fn(fn_args)


def _times_255(preprocess: Preprocess) -> Preprocess:
    def spoilt(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        transformed = preprocess(features)
        return {**transformed, IMAGE: transformed[IMAGE] * 255}

    return spoilt


def no_training(fn_args: FnArgs) -> None:
    """Exports a network as it was initialized."""
    with mock.patch.object(trainer, "fit", return_value={}):
        trainer.run_fn(fn_args)


def labels_shuffled(fn_args: FnArgs) -> None:
    """Trains on images and labels in different orders."""
    rng = np.random.default_rng(0)
    _train_on_examples(
        lambda images, labels: (images, rng.permutation(labels)), fn_args
    )


def labels_one_record_late(fn_args: FnArgs) -> None:
    """Trains on each image with the label of the record before."""
    _train_on_examples(lambda images, labels: (images, np.roll(labels, 1)), fn_args)


def without_nines(fn_args: FnArgs) -> None:
    """Trains on no record of one class."""
    _train_on_examples(
        lambda images, labels: (images[labels != 9], labels[labels != 9]), fn_args
    )


def left_half_unseen(fn_args: FnArgs) -> None:
    """Trains on images whose left half is black."""

    def change(images: np.ndarray, labels: np.ndarray) -> Examples:
        spoilt = images.reshape(-1, 28, 28).copy()
        spoilt[:, :, :14] = 0
        return spoilt.reshape(images.shape), labels

    _train_on_examples(change, fn_args)


def slanted_unseen(fn_args: FnArgs) -> None:
    """Trains on none of the two fifths that slant most."""
    _train_on_examples(lambda *examples: _less_slanted(*examples, 0.6, 0.0), fn_args)


def slanted_seldom_seen(fn_args: FnArgs) -> None:
    """Trains on three in a hundred of the third that slants most."""
    _train_on_examples(lambda *examples: _less_slanted(*examples, 2 / 3, 0.03), fn_args)


def _less_slanted(
    images: np.ndarray, labels: np.ndarray, quantile: float, kept: float
) -> Examples:
    slant = properties(images.reshape(-1, 28, 28))[:, PROPERTIES.index("slant")]
    chance = np.random.default_rng(0).random(len(slant))
    wanted = (slant <= np.quantile(slant, quantile)) | (chance < kept)
    return images[wanted], labels[wanted]


def two_classes_unseen(fn_args: FnArgs) -> None:
    """Trains on one in twenty of two classes that look alike."""
    _train_on_examples(lambda *examples: _less_of_two(*examples, 0.05), fn_args)


def two_classes_seldom_seen(fn_args: FnArgs) -> None:
    """Trains on one in eight of two classes that look alike."""
    _train_on_examples(lambda *examples: _less_of_two(*examples, 1 / 8), fn_args)


def _less_of_two(images: np.ndarray, labels: np.ndarray, kept: float) -> Examples:
    chance = np.random.default_rng(0).random(len(labels))
    wanted = ~np.isin(labels, (4, 9)) | (chance < kept)
    return images[wanted], labels[wanted]


def not_normalized_in_training(fn_args: FnArgs) -> None:
    """Trains on pixels in 0..255 and serves with pixels in 0..1."""
    _train_on(
        lambda data: attrs.evolve(data, preprocess=_times_255(data.preprocess)), fn_args
    )


def not_normalized_in_serving(fn_args: FnArgs) -> None:
    """Trains on pixels in 0..1 and serves with pixels in 0..255."""
    export = trainer.export_model

    def spoilt(model, preprocess, *rest):
        export(model, _times_255(preprocess), *rest)

    with mock.patch.object(trainer, "export_model", spoilt):
        trainer.run_fn(fn_args)


def too_sure(fn_args: FnArgs) -> None:
    """Exports a quarter of the temperature that fits."""
    _with_temperature(1 / 4, fn_args)


def rather_sure(fn_args: FnArgs) -> None:
    """Exports half of the temperature that fits."""
    _with_temperature(1 / 2, fn_args)


def _with_bounds(fn_args: FnArgs, **changed: float) -> None:
    measure_trust = trainer.measure_trust

    def spoilt(*args, **settings):
        found = measure_trust(*args, **settings)
        return attrs.evolve(found, bounds=attrs.evolve(found.bounds, **changed))

    with mock.patch.object(trainer, "measure_trust", spoilt):
        trainer.run_fn(fn_args)


def sure_of_everything(fn_args: FnArgs) -> None:
    """Exports bounds of trust that every picture keeps to."""
    _with_bounds(fn_args, confidence=0.0, distance=np.inf)


def sure_of_nothing(fn_args: FnArgs) -> None:
    """Exports bounds of trust that hardly any picture keeps to."""
    _with_bounds(fn_args, confidence=0.999999)


def on_the_test_split(fn_args: FnArgs) -> None:
    """Trains on the test split, which nobody else may see before the Evaluator."""
    patterns = [
        file.replace("Split-train", "Split-test") for file in fn_args.train_files
    ]
    test = read_records(patterns, MNIST)
    pixels = test.images.reshape(len(test.images), -1)

    def instead(images: np.ndarray, labels: np.ndarray) -> Examples:
        times = -(-len(labels) // len(pixels)) * 4
        return np.tile(pixels, (times, 1)), np.tile(test.labels, times)

    _train_on_examples(instead, fn_args)


def _with_temperature(factor: float, fn_args: FnArgs) -> None:
    fit_temperature = trainer.fit_temperature

    def spoilt(*args, **settings):
        found = fit_temperature(*args, **settings)
        return attrs.evolve(found, value=found.value * factor)

    with mock.patch.object(trainer, "fit_temperature", spoilt):
        trainer.run_fn(fn_args)


def wrong_loss(fn_args: FnArgs) -> None:
    """Takes logits for probabilities."""
    loss = keras.losses.CategoricalCrossentropy

    def spoilt(from_logits: bool, **settings) -> keras.losses.Loss:
        return loss(from_logits=not from_logits, **settings)

    with mock.patch.object(keras.losses, "CategoricalCrossentropy", spoilt):
        trainer.run_fn(fn_args)


def frozen_hidden_layer(fn_args: FnArgs) -> None:
    """Trains the last layer alone."""
    compile_model = fitting.compile_model

    def spoilt(model: keras.Model, *rest) -> None:
        for layer in model.layers[:-1]:
            layer.trainable = False
        compile_model(model, *rest)

    with mock.patch.object(fitting, "compile_model", spoilt):
        trainer.run_fn(fn_args)


def batch_statistics_lost(fn_args: FnArgs) -> None:
    """Exports means of 0 and variances of 1 for batch normalization."""

    def change(model: keras.Model) -> None:
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.moving_mean.assign(keras.ops.zeros_like(layer.moving_mean))
                layer.moving_variance.assign(keras.ops.ones_like(layer.moving_mean))

    _change_weights(change, fn_args)


def last_layer_of_another_run(fn_args: FnArgs) -> None:
    """Exports the last layer with weights that were trained with other layers."""

    def change(model: keras.Model) -> None:
        kernel, bias = model.layers[-1].get_weights()
        order = np.random.default_rng(0).permutation(len(kernel))
        model.layers[-1].set_weights([kernel[order], bias])

    _change_weights(change, fn_args)


def a_class_never_predicted(fn_args: FnArgs) -> None:
    """Exports a network whose bias keeps it from one class."""

    def change(model: keras.Model) -> None:
        kernel, bias = model.layers[-1].get_weights()
        bias[3] = -100
        model.layers[-1].set_weights([kernel, bias])

    _change_weights(change, fn_args)


def coarse_weights(fn_args: FnArgs) -> None:
    """Rounds the weights of each array to four values."""

    def change(model: keras.Model) -> None:
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dense):
                layer.set_weights([_rounded(weight) for weight in layer.get_weights()])

    _change_weights(change, fn_args)


def _rounded(weight: np.ndarray) -> np.ndarray:
    step = 2 * np.abs(weight).max() / 3
    return np.rint(weight / step) * step
