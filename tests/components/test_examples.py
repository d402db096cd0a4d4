"""What reaches Keras: every example, in the right order, with its own label."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components.examples import (
    RawExamples,
    evaluation_batches,
    read_examples,
    training_batches,
)
from components.hyperparameters import AugmentHyperparameters, TrainHyperparameters
from components.transform import preprocessing_fn
from pipeline.datasets.shards import write_shard

COUNT, BATCH = 20, 6
STEPS = COUNT // BATCH
OFF = AugmentHyperparameters(enabled=False)

Batches = list[tuple[np.ndarray, np.ndarray]]


def settings(**changes) -> TrainHyperparameters:
    return TrainHyperparameters(**{"batch_size": BATCH, "augment": OFF, **changes})


def take(examples: RawExamples, steps: int, **changes) -> Batches:
    dataset = training_batches(examples, preprocessing_fn, settings(**changes))
    return list(dataset.take(steps).as_numpy_iterator())


def item_numbers(batches: Batches) -> list[int]:
    """Which items the batches hold; pixel 0 of item i is i."""
    images = np.concatenate([image for image, _ in batches])
    return np.rint(images[:, 0] * 255).astype(int).tolist()


def test_files_are_read_whole_and_in_order(tiny_examples: Path, tiny_items) -> None:
    images, labels = read_examples([str(tiny_examples / "*")])

    np.testing.assert_array_equal(images, tiny_items[0])
    np.testing.assert_array_equal(labels, tiny_items[1])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


def test_the_order_of_the_patterns_does_not_matter(tiny_examples: Path) -> None:
    first, second = sorted(str(path) for path in tiny_examples.iterdir())

    images, _ = read_examples([second, first])

    assert images[:, 0].tolist() == list(range(COUNT))


@pytest.mark.parametrize(
    ("limit", "expected"), [(1, 1), (10, 10), (13, 13), (20, 20), (50, 20), (0, 20)]
)
def test_a_limit_takes_the_first_records(
    tiny_examples: Path, limit: int, expected: int
) -> None:
    images, labels = read_examples([str(tiny_examples / "*")], limit=limit)

    assert images[:, 0].tolist() == list(range(expected))
    assert len(labels) == expected


def test_no_file_is_an_error_that_names_the_pattern(tmp_path: Path) -> None:
    pattern = str(tmp_path / "none-*")

    with pytest.raises(
        ValueError,
        match=rf"at least one Example\. Received: \['{re.escape(pattern)}'\], "
        "which hold 0 files and no record",
    ):
        read_examples([pattern])


def test_a_file_without_a_record_is_an_error(tmp_path: Path) -> None:
    write_shard(tmp_path / "empty.tfrecord.gz", [])

    with pytest.raises(ValueError, match="which hold 1 files and no record"):
        read_examples([str(tmp_path / "*")])


def test_training_without_augmentation_yields_the_transformed_examples(
    tiny_items,
) -> None:
    images, labels = tiny_items
    batches = take(tiny_items, STEPS)

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


def test_an_epoch_shows_no_example_twice_and_drops_the_remainder(tiny_items) -> None:
    numbers = item_numbers(take(tiny_items, 3 * STEPS))

    assert len(numbers) == 3 * STEPS * BATCH
    for start in range(0, len(numbers), STEPS * BATCH):
        epoch = numbers[start : start + STEPS * BATCH]
        assert len(set(epoch)) == STEPS * BATCH


def test_an_epoch_of_whole_batches_shows_every_example(tiny_items) -> None:
    numbers = item_numbers(take(tiny_items, 8, batch_size=5))

    assert sorted(numbers[:COUNT]) == sorted(numbers[COUNT:]) == list(range(COUNT))


def test_each_epoch_has_its_own_order(tiny_items) -> None:
    numbers = item_numbers(take(tiny_items, 12, batch_size=5))
    epochs = [numbers[:COUNT], numbers[COUNT : 2 * COUNT], numbers[2 * COUNT :]]

    for one, other in itertools.combinations([*epochs, list(range(COUNT))], 2):
        assert one != other


@pytest.mark.parametrize("augment", [OFF, AugmentHyperparameters()], ids=["off", "on"])
def test_the_same_seed_gives_the_same_batches(tiny_items, augment) -> None:
    one = take(tiny_items, STEPS + 1, seed=5, augment=augment)
    other = take(tiny_items, STEPS + 1, seed=5, augment=augment)

    for (image, label), (same_image, same_label) in zip(one, other, strict=True):
        np.testing.assert_array_equal(image, same_image)
        np.testing.assert_array_equal(label, same_label)


def test_another_seed_gives_another_order(tiny_items) -> None:
    one, other = (item_numbers(take(tiny_items, STEPS, seed=s)) for s in (1, 2))

    assert one != other


def test_augmentation_deforms_images_anew_at_each_step_and_keeps_labels() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[6:22, 12:16] = 255
    examples = np.tile(image.reshape(-1), (COUNT, 1)), np.full(COUNT, 4)

    batches = take(examples, 2, augment=AugmentHyperparameters())

    plain = image.reshape(-1) / 255
    [(first, label), (second, _)] = batches
    assert all(np.abs(row - plain).max() > 0.1 for row in (*first, *second))
    assert np.abs(first - second).max() > 0.1
    assert label.tolist() == [np.eye(10)[4].tolist()] * BATCH


def test_augmentation_depends_on_the_seed() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[6:22, 12:16] = 255
    examples = np.tile(image.reshape(-1), (COUNT, 1)), np.full(COUNT, 4)

    [(one, _)], [(other, _)] = (
        take(examples, 1, augment=AugmentHyperparameters(), seed=s) for s in (1, 2)
    )

    assert np.abs(one - other).max() > 0.1


def test_training_never_ends(tiny_items) -> None:
    dataset = training_batches(tiny_items, preprocessing_fn, settings())

    assert sum(1 for _ in dataset.take(50)) == 50


def test_evaluation_shows_all_examples_once_in_order(tiny_items) -> None:
    dataset = evaluation_batches(tiny_items, preprocessing_fn, BATCH)
    batches = list(dataset.as_numpy_iterator())

    assert [len(label) for _, label in batches] == [6, 6, 6, 2]
    assert item_numbers(batches) == list(range(COUNT))
    images, labels = (np.concatenate(column) for column in zip(*batches, strict=True))
    np.testing.assert_allclose(images, tiny_items[0] / 255, atol=1e-7)
    np.testing.assert_array_equal(labels, np.eye(10)[tiny_items[1]])


def test_the_transform_graph_gets_raw_int64_features(tiny_items) -> None:
    seen = {}

    def preprocess(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seen.update({name: (t.dtype, t.shape[1:]) for name, t in features.items()})
        return preprocessing_fn(features)

    next(iter(evaluation_batches(tiny_items, preprocess, BATCH)))

    assert seen == {"image": (tf.int64, [784]), "label": (tf.int64, [1])}
