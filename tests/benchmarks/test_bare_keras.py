"""The bare script trains the same model on the same examples, without TFX."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.bare_keras import (
    load_arrays,
    main,
    train,
    training_arrays,
    training_batches,
)
from benchmarks.processes import run_measured
from components.examples import read_examples
from components.hyperparameters import AugmentHyperparameters, TrainHyperparameters
from components.image_spec import MNIST
from pipeline.config import load_config

pytestmark = pytest.mark.slow

SIZES = {"train": 1500, "val": 200, "test": 500}
SETTINGS = TrainHyperparameters(
    batch_size=8, epochs=2, augment=AugmentHyperparameters(enabled=False)
)


@pytest.fixture(scope="module")
def data(make_small_mnist: Callable[[Mapping[str, int]], Path]) -> Path:
    return make_small_mnist(SIZES)


def numbered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images that hold their number."""
    numbers = np.arange(count, dtype=np.float32)
    return np.tile(numbers[:, None], 784), np.eye(10, dtype=np.float32)[:1].repeat(
        count, 0
    )


def test_arrays_are_scaled_and_one_hot(data: Path) -> None:
    images, labels = read_examples(MNIST, [f"{data}/test/*.tfrecord.gz"])
    scaled, one_hot = load_arrays(data / "test")

    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled * 255, images, atol=1e-4)
    np.testing.assert_array_equal(one_hot, np.eye(10)[labels])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"max_examples": 2}, [0, 1]),
        ({"use_val": True}, [0, 1, 2, 0, 1]),
        ({"use_val": True, "max_examples": 4}, [0, 1, 2, 0]),
    ],
)
def test_it_trains_on_what_the_trainer_trains_on(settings, expected) -> None:
    arrays = {"train": numbered(3), "val": numbered(2)}
    images, labels = training_arrays(arrays, TrainHyperparameters(**settings))

    assert images[:, 0].tolist() == expected
    assert len(labels) == len(expected)


def test_each_epoch_has_every_whole_batch_in_another_order() -> None:
    batches = list(training_batches(numbered(20), SETTINGS).as_numpy_iterator())

    epochs = [
        np.concatenate([image[:, 0] for image, _ in part])
        for part in (batches[:2], batches[2:])
    ]
    assert [image.shape for image, _ in batches] == [(8, 784)] * 4
    assert [len(set(epoch)) for epoch in epochs] == [16, 16]
    assert epochs[0].tolist() != epochs[1].tolist()


def test_augmented_copies_differ_from_step_to_step_and_not_from_run_to_run() -> None:
    settings = TrainHyperparameters(batch_size=1, epochs=2)
    image = np.zeros((1, 28, 28), np.float32)
    image[:, 10:18, 10:18] = 1
    arrays = image.reshape(1, 784), numbered(1)[1]
    first, again = (
        [image for image, _ in training_batches(arrays, settings).as_numpy_iterator()]
        for _ in range(2)
    )

    np.testing.assert_array_equal(first, again)
    assert np.abs(first[0] - first[1]).max() > 0.1


def test_the_schedule_ends_with_the_last_update(data: Path) -> None:
    config = load_config("quick", overrides=["train.epochs=2"])
    arrays = {split: load_arrays(data / split) for split in ("train", "val")}
    model = train(config, arrays)

    assert int(model.optimizer.iterations.numpy()) == 2 * 15
    assert float(model.optimizer.learning_rate.numpy()) < 1e-5
    assert model.count_params() == 784 * 128 + 4 * 128 + 129 * 10


def test_it_prints_accuracy_and_what_each_step_took(data: Path) -> None:
    options = ["--data", str(data), "--preset", "quick", "--set", "train.epochs=4"]
    result = CliRunner().invoke(main, options, catch_exceptions=False)

    printed = json.loads(result.stdout.splitlines()[-1])
    assert printed["accuracy"] > 0.75
    assert list(printed["seconds"]) == ["load", "train", "evaluate", "export"]


def test_it_imports_no_tfx() -> None:
    code = (
        "import sys, benchmarks.bare_keras;"
        "print([name for name in sys.modules if name.startswith(('tfx', 'apache_beam',"
        " 'tensorflow_transform', 'ml_metadata'))])"
    )
    assert run_measured([sys.executable, "-c", code]).output == "[]\n"
