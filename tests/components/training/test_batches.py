"""What reaches Keras: every example, in the right order, with its own label."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.examples import (
    FileSplit,
    MemorySplit,
    RawExamples,
    Split,
    matching_files,
)
from components.hyperparameters import AugmentHyperparameters, TrainHyperparameters
from components.image_spec import MNIST
from components.training.batches import (
    evaluation_batches,
    sample_batches,
    training_batches,
)
from tests.mnist import preprocess

pytestmark = pytest.mark.slow

COUNT, BATCH = 20, 6
STEPS = COUNT // BATCH
OFF = AugmentHyperparameters(enabled=False)

Batches = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture(params=["memory", "files"])
def split(request: pytest.FixtureRequest, tiny_items, tiny_examples: Path) -> Split:
    """The same examples, held in both ways."""
    if request.param == "memory":
        return MemorySplit(*tiny_items)
    files = matching_files([str(tiny_examples / "*")])
    return FileSplit(MNIST, files, COUNT, limit=0, window=7)


def settings(**changes) -> TrainHyperparameters:
    return TrainHyperparameters(**{"batch_size": BATCH, "augment": OFF, **changes})


def take(split: Split, numbers: Sequence[int] = (0,), **changes) -> list[Batches]:
    """The batches of some epochs, in the order of ``numbers``."""
    counter = tf.Variable(0, dtype=tf.int64)
    dataset = training_batches(MNIST, split, preprocess, settings(**changes), counter)
    batches = []
    for epoch in numbers:
        counter.assign(epoch)
        batches.append(list(dataset.as_numpy_iterator()))
    return batches


def item_numbers(batches: Batches) -> list[int]:
    """Which items the batches hold; pixel 0 of item i is i."""
    images = np.concatenate([image for image, _ in batches])
    return np.rint(images[:, 0] * 255).astype(int).tolist()


def bars() -> RawExamples:
    """The same vertical bar in each image, of class 4."""
    image = np.zeros((28, 28), np.uint8)
    image[6:22, 12:16] = 255
    return np.tile(image.reshape(-1), (COUNT, 1)), np.full(COUNT, 4)


def test_training_without_augmentation_yields_the_transformed_examples(
    split: Split, tiny_items
) -> None:
    images, labels = tiny_items
    [batches] = take(split)

    for image, label in batches:
        assert (image.shape, image.dtype) == ((BATCH, 784), np.float32)
        assert (label.shape, label.dtype) == ((BATCH, 10), np.float32)
    numbers = item_numbers(batches)
    np.testing.assert_allclose(
        np.concatenate([image for image, _ in batches]),
        images[numbers] / 255,
        atol=1e-7,
    )
    np.testing.assert_array_equal(
        np.concatenate([label for _, label in batches]), np.eye(10)[labels[numbers]]
    )


def test_an_epoch_shows_no_example_twice_and_drops_the_remainder(split) -> None:
    for batches in take(split, [0, 1, 2]):
        numbers = item_numbers(batches)
        assert len(numbers) == len(set(numbers)) == STEPS * BATCH


def test_an_epoch_of_whole_batches_shows_every_example(split: Split) -> None:
    for batches in take(split, [0, 1], batch_size=5):
        assert sorted(item_numbers(batches)) == list(range(COUNT))


def test_each_epoch_has_its_own_order(split: Split) -> None:
    epochs = [item_numbers(b) for b in take(split, [0, 1, 2], batch_size=5)]

    for one, other in itertools.combinations([*epochs, list(range(COUNT))], 2):
        assert one != other


@pytest.mark.parametrize("augment", [OFF, AugmentHyperparameters()], ids=["off", "on"])
def test_an_epoch_depends_on_seed_and_number_alone(split: Split, augment) -> None:
    """So that a training can go on in another process."""
    _, _, one = take(split, [0, 1, 2], seed=5, augment=augment)
    [other] = take(split, [2], seed=5, augment=augment)

    for (image, label), (same_image, same_label) in zip(one, other, strict=True):
        np.testing.assert_array_equal(image, same_image)
        np.testing.assert_array_equal(label, same_label)


def test_another_seed_gives_another_order(split: Split) -> None:
    [one], [other] = (take(split, seed=s) for s in (1, 2))

    assert item_numbers(one) != item_numbers(other)


@pytest.mark.parametrize("augment", [OFF, AugmentHyperparameters()], ids=["off", "on"])
def test_an_epoch_of_several_passes_shows_each_example_once_a_pass(
    split: Split, augment
) -> None:
    """The passes go on from epoch to epoch as epochs of one pass do."""
    one, two = take(split, [0, 1], batch_size=5, min_steps=9, augment=augment)
    passes = take(split, range(6), batch_size=5, augment=augment)

    assert len(one) == len(two) == 12
    expected = [batch for batches in passes for batch in batches]
    for (image, label), (same_image, same_label) in zip(
        [*one, *two], expected, strict=True
    ):
        np.testing.assert_array_equal(image, same_image)
        np.testing.assert_array_equal(label, same_label)


def test_fewer_examples_than_a_batch_are_one_batch(split: Split) -> None:
    [batches] = take(split, batch_size=64, min_steps=3)

    assert [len(label) for _, label in batches] == [COUNT] * 3
    for batch in batches:
        assert sorted(item_numbers([batch])) == list(range(COUNT))


@pytest.mark.parametrize(("limit", "expected"), [(50, [20]), (7, [7])])
def test_a_sample_is_the_same_examples_each_time(
    split: Split, tiny_items, limit: int, expected: list[int]
) -> None:
    dataset = sample_batches(split, preprocess, limit)

    one, again = (list(dataset.as_numpy_iterator()) for _ in range(2))

    assert [len(label) for _, label in one] == expected
    numbers = item_numbers(one)
    assert len(set(numbers)) == expected[0]
    assert item_numbers(again) == numbers
    images = np.concatenate([image for image, _ in one])
    np.testing.assert_allclose(images, tiny_items[0][numbers] / 255, atol=1e-7)


def test_a_sample_comes_in_batches_of_one_size() -> None:
    items = np.arange(2100)
    images = np.zeros((2100, 784), np.uint8)
    images[:, 0] = items % 256
    split = MemorySplit(images, items % 10)

    dataset = sample_batches(split, preprocess, 1100)

    assert [len(label) for _, label in dataset.as_numpy_iterator()] == [550] * 2


def test_keras_sees_how_many_batches_an_epoch_has(split: Split) -> None:
    counter = tf.Variable(0, dtype=tf.int64)
    dataset = training_batches(MNIST, split, preprocess, settings(), counter)

    assert int(dataset.cardinality()) == STEPS


def test_augmentation_changes_images_anew_at_each_step_and_keeps_labels() -> None:
    images, labels = bars()
    examples = MemorySplit(images, labels)

    [batches, later] = take(examples, [0, 1], augment=AugmentHyperparameters())

    plain = images[0] / 255
    warped = [image for image, _ in [*batches, *later]]
    assert all(np.abs(row - plain).max() > 0.1 for row in np.concatenate(warped))
    for one, other in itertools.combinations(warped, 2):
        assert np.abs(one - other).max() > 0.1
    assert batches[0][1].tolist() == [np.eye(10)[4].tolist()] * BATCH


def test_augmentation_fades_over_the_whole_training() -> None:
    """Three steps an epoch, two epochs: from step 3 on they weaken by thirds."""
    images, labels = bars()
    augment = AugmentHyperparameters(fade_from=0.5, fade_to=0.0)

    first, last = take(MemorySplit(images, labels), [0, 1], augment=augment, epochs=2)

    plain = images[0] / 255
    off = [float(np.abs(image - plain).mean()) for image, _ in [*first, *last]]
    assert min(off[:4]) > 0.01
    assert max(off[:4]) > off[4] > off[5] > 1e-3


def test_augmentation_depends_on_the_seed() -> None:
    examples = MemorySplit(*bars())
    augment = AugmentHyperparameters()
    [[(one, _), *_]], [[(other, _), *_]] = (
        take(examples, augment=augment, seed=s) for s in (1, 2)
    )

    assert np.abs(one - other).max() > 0.1


def test_evaluation_shows_all_examples_once_in_order(split: Split, tiny_items) -> None:
    dataset = evaluation_batches(split, preprocess, BATCH)
    batches = list(dataset.as_numpy_iterator())

    assert [len(label) for _, label in batches] == [6, 6, 6, 2]
    assert item_numbers(batches) == list(range(COUNT))
    images, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
    np.testing.assert_allclose(images, tiny_items[0] / 255, atol=1e-7)
    np.testing.assert_array_equal(labels, np.eye(10)[tiny_items[1]])


def test_the_transform_graph_gets_raw_int64_features(split: Split) -> None:
    seen = {}

    def watched(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seen.update({name: (t.dtype, t.shape[1:]) for name, t in features.items()})
        return preprocess(features)

    next(iter(evaluation_batches(split, watched, BATCH)))

    assert seen == {"image": (tf.int64, [784]), "label": (tf.int64, [1])}


def test_the_end_of_an_epoch_does_not_wait_for_a_tuner(split: Split) -> None:
    training = training_batches(
        MNIST, split, preprocess, settings(), tf.Variable(0, dtype=tf.int64)
    )
    evaluation = evaluation_batches(split, preprocess, BATCH)

    assert training.options().autotune.enabled is False
    assert evaluation.options().autotune.enabled is False
