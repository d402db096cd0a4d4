"""Fitting: what it learns, and that a broken training ends as an unbroken one."""

import logging
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from components.examples import FileSplit, MemorySplit
from components.hyperparameters import (
    AugmentHyperparameters,
    ModelHyperparameters,
    TrainHyperparameters,
)
from components.image_spec import MNIST
from components.training.checkpoints import CheckpointStore
from components.training.divergence import TrainingDivergedError
from components.training.fit import TrainingData, fit
from components.training.model import build_model
from components.training.precision import choose_precision
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import write_shard
from tests.mnist import preprocess

pytestmark = pytest.mark.slow

EPOCHS = 5
AUGMENT = AugmentHyperparameters(fade_to=0.5)
Weights = list[np.ndarray]


@pytest.fixture(scope="module")
def striped() -> MemorySplit:
    """Ten classes that anyone can tell apart: a bright stripe each, 12 examples."""
    labels = np.arange(120) % 10
    images = np.random.default_rng(0).integers(0, 60, (120, 784))
    images.reshape(120, 28, 28)[np.arange(120), labels * 2 + 4] += 190
    return MemorySplit(images.astype(np.uint8), labels)


@pytest.fixture(scope="module")
def contradicted(striped: MemorySplit) -> MemorySplit:
    """The same with wrong labels: the more is learned, the larger is the loss."""
    return MemorySplit(striped.images, (striped.labels + 1) % 10)


@pytest.fixture(scope="module")
def filed(striped: MemorySplit, tmp_path_factory: pytest.TempPathFactory) -> FileSplit:
    """The same in two files."""
    folder = tmp_path_factory.mktemp("striped")
    items = zip(striped.images.numpy(), striped.labels.numpy(), strict=True)
    records = [serialize_example(*item) for item in items]
    files = [folder / f"{index}.tfrecord.gz" for index in range(2)]
    write_shard(files[0], records[:60])
    write_shard(files[1], records[60:])
    return FileSplit(MNIST, tuple(map(str, files)), count=120, limit=0, window=50)


class DyingStore(CheckpointStore):
    """Ends the training once it has saved so many epochs."""

    def __init__(self, root: Path, epochs: int) -> None:
        super().__init__(root, "digest")
        self._left = epochs

    def save(self, arrays, state) -> None:
        super().save(arrays, state)
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def fitted(
    data: TrainingData, store: CheckpointStore, log_dir: Path, **changes
) -> tuple[dict, Weights]:
    settings = TrainHyperparameters(
        **{
            "epochs": EPOCHS,
            "batch_size": 25,
            "steps_per_execution": 3,
            "learning_rate": 0.02,
            "seed": 1,
            "precision": "float32",
            "augment": AugmentHyperparameters(enabled=False),
            **changes,
        }
    )
    keras.utils.set_random_seed(1)
    model = build_model(
        MNIST,
        ModelHyperparameters(hidden_units=(16,), dropout=0.1),
        choose_precision(settings.precision),
    )
    history = fit(model, data, settings, log_dir, store)
    # Four whole batches of 25 in 120 examples, and not one step more.
    steps = len(history["loss"]) * 4
    assert int(model.optimizer.iterations) == steps
    return history, model.get_weights()


def all_close(one: Weights, other: Weights) -> bool:
    return all(
        np.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in zip(one, other, strict=True)
    )


def test_fitting_learns_and_does_the_same_again(striped, tmp_path: Path) -> None:
    data = TrainingData(MNIST, striped, striped, preprocess)
    history, weights = fitted(data, CheckpointStore(tmp_path, "a"), tmp_path / "one")
    _, again = fitted(data, CheckpointStore(tmp_path, "b"), tmp_path / "again")

    assert history["accuracy"][-1] > 0.95
    assert history["loss"][-1] < history["loss"][0]
    for one, same in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(
    ("held", "changes", "epochs"),
    [
        ("striped", {}, 1),
        ("filed", {}, 3),
        ("striped", {"average_weights": 0.9, "schedule": "trapezoid"}, 2),
        ("striped", {"average_weights": 0.9, "augment": AUGMENT}, EPOCHS),
        ("filed", {"average_weights": 0.9, "augment": AUGMENT}, EPOCHS),
        ("striped", {"precision": "mixed_bfloat16"}, EPOCHS),
        ("striped", {"patience": EPOCHS}, EPOCHS),
        # The first epoch is the best; the training stops after the third.
        ("contradicted", {"patience": 2}, 2),
        ("contradicted", {"patience": 2}, 3),
    ],
)
def test_a_broken_training_ends_as_an_unbroken_one(
    request, striped, contradicted, tmp_path: Path, held, changes, epochs
) -> None:
    val = contradicted if held == "contradicted" else striped
    train = request.getfixturevalue("filed") if held == "filed" else striped
    data = TrainingData(MNIST, train, val, preprocess)
    whole = CheckpointStore(tmp_path / "whole", "digest")
    history, weights = fitted(data, whole, tmp_path / "one", **changes)

    with pytest.raises(KeyboardInterrupt):
        fitted(data, DyingStore(tmp_path, epochs), tmp_path / "two", **changes)
    resumed, same = fitted(
        data, CheckpointStore(tmp_path, "digest"), tmp_path / "three", **changes
    )

    assert all_close(weights, same)
    assert set(resumed) == set(history)
    for name, values in history.items():
        assert resumed[name] == pytest.approx(values, rel=1e-4, abs=1e-6)


def test_after_the_last_epoch_nothing_is_trained_again(
    striped, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = TrainingData(MNIST, striped, striped, preprocess)
    store = CheckpointStore(tmp_path, "digest")
    history, weights = fitted(data, store, tmp_path / "one")
    caplog.set_level(logging.INFO)
    caplog.clear()

    again, same = fitted(data, store, tmp_path / "two")

    assert caplog.messages == ["go on after epoch 5, from a checkpoint"]
    assert again == history
    assert all_close(weights, same)


def test_curves_of_the_epochs_before_are_kept(striped, tmp_path: Path) -> None:
    data = TrainingData(MNIST, striped, striped, preprocess)
    with pytest.raises(KeyboardInterrupt):
        fitted(data, DyingStore(tmp_path, 2), tmp_path / "one")
    history, _ = fitted(data, CheckpointStore(tmp_path, "digest"), tmp_path / "two")

    for part, name in (("train", "loss"), ("validation", "val_loss")):
        events = EventAccumulator(str(tmp_path / "two" / part))
        events.Reload()
        curve = {
            event.step: tf.make_ndarray(event.tensor_proto).item()
            for event in events.Tensors("epoch_loss")
        }
        assert sorted(curve) == list(range(EPOCHS))
        assert [curve[i] for i in range(EPOCHS)] == pytest.approx(history[name])


def test_tensorboard_has_rate_and_confusion_of_each_epoch(
    striped, tmp_path: Path
) -> None:
    data = TrainingData(MNIST, striped, striped, preprocess)
    fitted(data, CheckpointStore(tmp_path, "digest"), tmp_path / "run")

    def read(part: str, tag: str) -> list:
        events = EventAccumulator(str(tmp_path / "run" / part))
        events.Reload()
        return [tf.make_ndarray(e.tensor_proto) for e in events.Tensors(tag)]

    rates = [float(value) for value in read("train", "epoch_learning_rate")]
    assert len(rates) == EPOCHS
    assert rates[-1] == pytest.approx(0.001 * 0.02, rel=1e-3)
    pictures = read("validation", "confusion_matrix")
    assert [(int(p[0]), int(p[1])) for p in pictures] == [(440, 440)] * EPOCHS


def test_the_best_weights_are_kept(striped, contradicted, tmp_path: Path) -> None:
    data = TrainingData(MNIST, striped, contradicted, preprocess)
    constant = {"schedule": "constant"}
    store = CheckpointStore(tmp_path, "stopped")
    history, weights = fitted(data, store, tmp_path / "a", patience=2, **constant)
    store = CheckpointStore(tmp_path, "best")
    _, expected = fitted(data, store, tmp_path / "b", epochs=1, **constant)

    assert history["val_loss"] == sorted(history["val_loss"])
    assert len(history["val_loss"]) == 3
    assert all_close(weights, expected)


def test_few_steps_are_enough_for_the_statistics(striped, tmp_path: Path) -> None:
    """Moving averages would still be where they began: after eight steps at 0.92."""
    data = TrainingData(MNIST, striped, striped, preprocess)
    store = CheckpointStore(tmp_path, "digest")
    history, _ = fitted(data, store, tmp_path / "logs", epochs=2)

    assert history["val_accuracy"][-1] > 0.95
    assert history["val_loss"][-1] < history["loss"][-1]


def test_a_small_split_is_passed_over_several_times_in_an_epoch(
    striped, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "components")
    settings = TrainHyperparameters(
        epochs=2,
        batch_size=500,
        min_steps=30,
        schedule="trapezoid",
        steps_per_execution=7,
        augment=AugmentHyperparameters(enabled=False),
    )
    model = build_model(MNIST, ModelHyperparameters(hidden_units=(16,)))
    data = TrainingData(MNIST, striped, striped, preprocess)

    history = fit(model, data, settings, tmp_path, CheckpointStore(tmp_path, "digest"))

    # One batch of all 120 examples a pass, and the learning rate ends at 0.
    assert int(model.optimizer.iterations) == 60
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-6)
    assert history["val_accuracy"][-1] == 1.0
    assert caplog.messages[0] == (
        "120 training examples are few: each epoch passes over them 30 times, for 30 "
        "steps (train.min_steps)"
    )
    assert "epoch 2/2" in caplog.messages[-1]


def test_a_training_that_diverges_ends_with_one_clear_error(
    striped, tmp_path: Path
) -> None:
    def broken(features: dict) -> dict:
        transformed = preprocess(features)
        return {**transformed, "image": transformed["image"] * np.inf}

    data = TrainingData(MNIST, striped, striped, broken)
    with pytest.raises(
        TrainingDivergedError, match="epoch 1 of 5: nan by step 3 of 20"
    ):
        fitted(data, CheckpointStore(tmp_path, "digest"), tmp_path / "logs")
