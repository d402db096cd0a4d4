"""The limit: a bare Keras script that trains the same model, and does nothing else.

``benchmarks.contenders`` runs it as a process of its own. Model, optimizer, schedule,
epochs, augmentation, seed and precision are those of the configuration. It checks
nothing, records nothing and imports no TFX.
"""

import json
import tempfile
import time
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf

from components.examples import feature_spec
from components.features import IMAGE, LABEL, MAX_PIXEL
from components.hyperparameters import TrainHyperparameters
from components.image_spec import MNIST
from components.training.augment import augment, strength_at
from components.training.model import build_model, compile_model
from components.training.precision import choose_precision
from pipeline.config import Config, load_config

Arrays = tuple[np.ndarray, np.ndarray]

_READ_BATCH = 1024
_EVALUATION_BATCH = 1000


def load_arrays(folder: Path) -> Arrays:
    """Reads the gzip TFRecords of a split.

    Returns:
      Images float32 [n, 784] in [0, 1] and one-hot labels float32 [n, 10].
    """
    files = [str(file) for file in sorted(folder.glob("*.tfrecord.gz"))]
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    parsed = records.batch(_READ_BATCH).map(
        lambda batch: tf.io.parse_example(batch, feature_spec(MNIST)),
        num_parallel_calls=2,
    )
    batches = list(parsed.as_numpy_iterator())
    images = np.concatenate([batch[IMAGE].astype(np.float32) for batch in batches])
    labels = np.concatenate([batch[LABEL][:, 0] for batch in batches])
    return images / MAX_PIXEL, keras.utils.to_categorical(labels, MNIST.classes)


def training_arrays(
    arrays: dict[str, Arrays], settings: TrainHyperparameters
) -> Arrays:
    """Returns what the Trainer would train on: ``use_val``, then ``max_examples``."""
    splits = ("train", "val") if settings.use_val else ("train",)
    images, labels = zip(*(arrays[split] for split in splits), strict=True)
    limit = settings.max_examples or None
    return np.concatenate(images)[:limit], np.concatenate(labels)[:limit]


def training_batches(arrays: Arrays, settings: TrainHyperparameters) -> tf.data.Dataset:
    """Shuffled, augmented batches, epoch after epoch; the remainder is dropped."""
    images, labels = map(tf.constant, arrays)
    count, batch_size = len(arrays[1]), settings.batch_size
    total_steps = count // batch_size * settings.epochs

    @tf.function(jit_compile=True, autograph=False)
    def warp(image: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([tf.constant(settings.seed, tf.int64), step])
        strength = strength_at(settings.augment, step, total_steps)
        return augment(MNIST, image, settings.augment, seed, strength)

    def prepare(step: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.ensure_shape(tf.gather(images, index), [batch_size, MNIST.pixels])
        if settings.augment.enabled:
            image = warp(image, step)
        return image, tf.gather(labels, index)

    options = tf.data.Options()
    # At its best: with the tuner, an epoch now and then ends late.
    options.autotune.enabled = False
    return (
        tf.data.Dataset.range(count)
        .shuffle(count, seed=settings.seed)
        .batch(batch_size, drop_remainder=True)
        .repeat(settings.epochs)
        .enumerate()
        .map(prepare, num_parallel_calls=2)
        .prefetch(4)
        .with_options(options)
    )


def train(config: Config, arrays: dict[str, Arrays]) -> keras.Model:
    """Builds and fits the network, validating after each epoch where we do."""
    settings = config.train
    keras.utils.set_random_seed(settings.seed)
    model = build_model(MNIST, config.model, choose_precision(settings.precision))
    steps = len(arrays["train"][1]) // settings.batch_size
    compile_model(model, settings, steps * settings.epochs)
    model.fit(
        training_batches(arrays["train"], settings),
        steps_per_epoch=steps,
        epochs=settings.epochs,
        validation_data=None if settings.use_val else arrays["val"],
        validation_batch_size=_EVALUATION_BATCH,
        shuffle=False,
        verbose=0,
    )
    return model


@click.command()
@click.option("--data", type=click.Path(path_type=Path))
@click.option("--preset", default="default", show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE")
def main(data: Path | None, preset: str, overrides: tuple[str, ...]) -> None:
    """Train, evaluate and export; print accuracy and the seconds of each step."""
    config = load_config(preset, overrides=overrides, data=data)
    clock = [time.monotonic()]
    arrays = {
        split: load_arrays(config.data / split) for split in ("train", "val", "test")
    }
    arrays["train"] = training_arrays(arrays, config.train)
    clock.append(time.monotonic())
    model = train(config, arrays)
    clock.append(time.monotonic())
    _, accuracy = model.evaluate(
        *arrays["test"], batch_size=_EVALUATION_BATCH, verbose=0
    )
    clock.append(time.monotonic())
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/model")
        clock.append(time.monotonic())
    steps = zip(("load", "train", "evaluate", "export"), np.diff(clock), strict=True)
    seconds = {step: round(float(taken), 2) for step, taken in steps}
    print(json.dumps({"accuracy": float(accuracy), "seconds": seconds}))


if __name__ == "__main__":
    main()
