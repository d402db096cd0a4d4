"""Feeds examples to Keras: shuffled, transformed and augmented, or in order."""

import math

import tensorflow as tf

from components.examples import Split, without_autotuning
from components.features import IMAGE, LABEL
from components.hyperparameters import TrainHyperparameters, epoch_size
from components.image_spec import ImageSpec
from components.serving.signatures import Preprocess
from components.training.augment import augment, strength_at

_SAMPLE_BATCH = 1024
# Nothing here branches on tensors, and AutoGraph would rewrite all of the transform
# graph's Python before the first step.
as_written = tf.autograph.experimental.do_not_convert


def training_batches(
    spec: ImageSpec,
    split: Split,
    preprocess: Preprocess,
    settings: TrainHyperparameters,
    epoch: tf.Variable,
) -> tf.data.Dataset:
    """One epoch of shuffled, augmented batches.

    It is one pass over the split, or several; see ``epoch_size``. Each pass has an
    order of its own and drops the remainder.

    Args:
      spec: what each example holds.
      split: the examples.
      preprocess: the transform graph, raw features to transformed ones.
      settings: ``batch_size``, ``min_steps``, ``epochs``, ``augment`` and ``seed``.
      epoch: int64 scalar, read when an iteration starts. Order and augmentation of
        a batch depend on the seed, the epoch and the step, and on nothing else, so
        that training can stop after an epoch and go on in another process.

    Returns:
      A finite dataset of (float32 [batch_size, pixels], float32 [batch_size,
      classes]).
    """
    size = epoch_size(split.count, settings.batch_size, settings.min_steps)
    in_a_pass = size.steps // size.passes

    @as_written
    def numbered_batches(index: tf.Tensor) -> tf.data.Dataset:
        now = epoch.read_value() * size.passes + index
        batches = split.shuffled(size.batch_size, _seed(settings, now))
        numbers = tf.data.Dataset.range(now * in_a_pass, (now + 1) * in_a_pass)
        return tf.data.Dataset.zip((numbers, batches))

    # XLA fuses the operations of the warp; the plain graph takes longer.
    @tf.function(jit_compile=True, autograph=False)
    def warp(image: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        strength = strength_at(settings.augment, step, size.steps * settings.epochs)
        return augment(spec, image, settings.augment, _seed(settings, step), strength)

    @as_written
    def prepare(
        step: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        image, label = batch
        image = tf.ensure_shape(image, [size.batch_size, spec.pixels])
        image, label = _apply(preprocess, image, label)
        return (warp(image, step) if settings.augment.enabled else image), label

    return without_autotuning(
        tf.data.Dataset.range(size.passes)
        .flat_map(numbered_batches)
        .map(prepare, num_parallel_calls=2, deterministic=True)
        .prefetch(4)
        .apply(tf.data.experimental.assert_cardinality(size.steps))
    )


def evaluation_batches(
    split: Split, preprocess: Preprocess, batch_size: int
) -> tf.data.Dataset:
    """All examples once, in order.

    Returns:
      A dataset of (float32 [≤ batch_size, pixels], float32 [≤ batch_size, classes]).
    """
    return without_autotuning(
        split.in_order(batch_size)
        .map(as_written(lambda image, label: _apply(preprocess, image, label)))
        .prefetch(2)
    )


def sample_batches(split: Split, preprocess: Preprocess, limit: int) -> tf.data.Dataset:
    """Some examples at random, not augmented, the same ones in each iteration.

    Args:
      split: the examples.
      preprocess: the transform graph.
      limit: take at most this many.

    Returns:
      A dataset of (float32 [n, pixels], float32 [n, classes]), with one n throughout.
    """
    count = min(split.count, limit)
    batches = math.ceil(count / _SAMPLE_BATCH)
    seed = tf.zeros([2], tf.int64)
    return without_autotuning(
        split.shuffled(count // batches, seed)
        .take(batches)
        .cache()
        .map(as_written(lambda image, label: _apply(preprocess, image, label)))
        .prefetch(2)
    )


def _seed(settings: TrainHyperparameters, counter: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(settings.seed, tf.int64), counter])


def _apply(
    preprocess: Preprocess, image: tf.Tensor, label: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    features = preprocess(
        {IMAGE: tf.cast(image, tf.int64), LABEL: tf.expand_dims(label, 1)}
    )
    return features[IMAGE], features[LABEL]
