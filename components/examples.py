"""Reads the raw Examples of a split and feeds them, transformed, to Keras."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from components.augment import augment
from components.features import IMAGE, LABEL, PIXELS
from components.hyperparameters import TrainHyperparameters

Preprocess = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]
RawExamples = tuple[np.ndarray, np.ndarray]

FEATURE_SPEC = {
    IMAGE: tf.io.FixedLenFeature([PIXELS], tf.int64),
    LABEL: tf.io.FixedLenFeature([1], tf.int64),
}
_READ_BATCH = 1024


def read_examples(files: Sequence[str], limit: int = 0) -> RawExamples:
    """Reads gzip TFRecords of Examples into memory.

    Args:
      files: paths of gzip TFRecord files, or patterns of them.
      limit: stop after so many records; 0 reads all.

    Returns:
      Images uint8 [n, 784] in 0..255 and labels int64 [n] in 0..9, in file order.

    Raises:
      ValueError: there is no record.
    """
    names = sorted(name for pattern in files for name in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(names, compression_type="GZIP")
    batches = (
        (records.take(limit) if limit else records)
        .batch(_READ_BATCH)
        .map(_parse, num_parallel_calls=2)
        .prefetch(2)
    )
    images, labels = [], []
    for image, label in batches.as_numpy_iterator():
        images.append(image)
        labels.append(label)
    if not images:
        raise ValueError(
            f"Expected TFRecord files with at least one Example. "
            f"Received: {list(files)}, which hold {len(names)} files and no record."
        )
    return np.concatenate(images), np.concatenate(labels)


def _parse(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    features = tf.io.parse_example(serialized, FEATURE_SPEC)
    return tf.cast(features[IMAGE], tf.uint8), features[LABEL][:, 0]


def training_batches(
    examples: RawExamples, preprocess: Preprocess, settings: TrainHyperparameters
) -> tf.data.Dataset:
    """Endless shuffled, augmented batches; the remainder of an epoch is dropped.

    Shuffling an index vector and gathering whole batches is twice as fast as
    shuffling single elements.

    Args:
      examples: images uint8 [n, 784] and labels int64 [n], at least one batch.
      preprocess: the transform graph, raw features to transformed ones.
      settings: ``batch_size``, ``augment`` and ``seed``; order and deformations of
        a step depend on the seed and on nothing else.

    Returns:
      A dataset of (float32 [batch_size, 784], float32 [batch_size, 10]).
    """
    images, labels = (tf.constant(array) for array in examples)
    count = len(examples[1])
    steps = count // settings.batch_size

    def batches_of_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(count), seed=_seed(settings, epoch)
        )
        kept = order[: steps * settings.batch_size]
        return tf.data.Dataset.from_tensor_slices(tf.reshape(kept, [steps, -1]))

    # XLA fuses the warp: about half the time of the plain graph.
    @tf.function(jit_compile=True)
    def warp(image: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        return augment(image, settings.augment, _seed(settings, step))

    def prepare(step: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        index = tf.ensure_shape(index, [settings.batch_size])
        image, label = _apply(
            preprocess, tf.gather(images, index), tf.gather(labels, index)
        )
        return (warp(image, step) if settings.augment.enabled else image), label

    return (
        tf.data.Dataset.counter()
        .flat_map(batches_of_epoch)
        .enumerate()
        .map(prepare, num_parallel_calls=2)
        .prefetch(4)
    )


def _seed(settings: TrainHyperparameters, counter: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(settings.seed, tf.int64), counter])


def evaluation_batches(
    examples: RawExamples, preprocess: Preprocess, batch_size: int
) -> tf.data.Dataset:
    """All examples once, in order.

    Returns:
      A dataset of (float32 [≤ batch_size, 784], float32 [≤ batch_size, 10]).
    """
    return (
        tf.data.Dataset.from_tensor_slices(examples)
        .batch(batch_size)
        .map(lambda image, label: _apply(preprocess, image, label))
        .prefetch(2)
    )


def _apply(
    preprocess: Preprocess, image: tf.Tensor, label: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    features = preprocess(
        {IMAGE: tf.cast(image, tf.int64), LABEL: tf.expand_dims(label, 1)}
    )
    return features[IMAGE], features[LABEL]
