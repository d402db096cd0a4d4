"""``run_fn`` as TFX calls it: what it writes, and what it trains on."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from pydantic import ValidationError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from components.examples import read_examples
from components.hyperparameters import (
    AugmentHyperparameters,
    ModelHyperparameters,
    TrainHyperparameters,
)
from components.model import build_model
from components.serving_requests import read_reference
from components.trainer import fit, run_fn
from components.transform import preprocessing_fn

PARAMETERS = (784 * 8 + 4 * 8) + (8 * 10 + 10)
METRICS = {"loss", "accuracy", "val_loss", "val_accuracy"}
EPOCHS = 2


def fn_args(folder: Path, examples: Path, graph: Path, **train) -> SimpleNamespace:
    return SimpleNamespace(
        train_files=[str(examples / "*")],
        eval_files=[str(min(examples.iterdir()))],
        transform_output=str(graph),
        serving_model_dir=str(folder / "serving"),
        model_run_dir=str(folder / "run"),
        custom_config={
            "model": {"hidden_units": [8]},
            "train": {
                "epochs": EPOCHS,
                "batch_size": 5,
                "max_examples": 15,
                "augment": {"enabled": False},
                **train,
            },
        },
    )


@pytest.fixture(scope="module")
def trained(
    tiny_examples: Path,
    transform_graph: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[str]]:
    """The folder of a finished training and the messages it logged."""
    folder = tmp_path_factory.mktemp("trained")
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("components")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        run_fn(fn_args(folder, tiny_examples, transform_graph))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return folder, messages


def test_history_holds_a_number_an_epoch_and_the_size(trained) -> None:
    history = json.loads((trained[0] / "run" / "history.json").read_text())

    assert set(history) == {"epochs", "parameters"}
    assert history["parameters"] == PARAMETERS
    assert set(history["epochs"]) >= METRICS
    for values in history["epochs"].values():
        assert len(values) == EPOCHS
        assert np.isfinite(values).all()
    assert all(0 <= share <= 1 for share in history["epochs"]["val_accuracy"])


def test_tensorboard_gets_the_same_numbers(trained) -> None:
    run = trained[0] / "run"
    history = json.loads((run / "history.json").read_text())["epochs"]

    for part, prefix in (("train", ""), ("validation", "val_")):
        events = EventAccumulator(str(run / part))
        events.Reload()
        for metric in ("loss", "accuracy"):
            values = [
                tf.make_ndarray(event.tensor_proto).item()
                for event in events.Tensors(f"epoch_{metric}")
            ]
            assert values == pytest.approx(history[f"{prefix}{metric}"], rel=1e-5)


def test_the_exported_model_is_the_trained_one(trained, tiny_examples: Path) -> None:
    """Its accuracy on the validation file is the last one of the history."""
    folder, _ = trained
    history = json.loads((folder / "run" / "history.json").read_text())["epochs"]
    images, labels = read_examples([str(min(tiny_examples.iterdir()))])
    model = tf.saved_model.load(str(folder / "serving"))

    answer = model.signatures["predict_pixels"](
        pixels=tf.constant(images.reshape(-1, 28, 28))
    )

    chosen = np.log(answer["probabilities"].numpy())[np.arange(len(labels)), labels]
    accuracy = (answer["class_id"].numpy() == labels).mean()
    assert accuracy == pytest.approx(history["val_accuracy"][-1])
    # The loss of the history smooths the labels by 0.05, the default.
    smoothed = np.log(answer["probabilities"].numpy()).mean(axis=1)
    loss = -(0.95 * chosen + 0.05 * smoothed).mean()
    assert loss == pytest.approx(history["val_loss"][-1], rel=1e-3)


def test_the_reference_is_what_the_model_in_memory_answers(
    trained, tiny_examples: Path
) -> None:
    """To the first validation images; also warm-up requests are made of them."""
    folder, _ = trained
    images, _ = read_examples([str(min(tiny_examples.iterdir()))])
    export = folder / "serving"

    reference = read_reference(folder / "run")

    np.testing.assert_array_equal(reference.images.reshape(-1, 784), images)
    answer = tf.saved_model.load(str(export)).signatures["predict_pixels"](
        pixels=tf.constant(reference.images)
    )
    assert reference.probabilities.dtype == np.float32
    np.testing.assert_allclose(
        reference.probabilities, answer["probabilities"], atol=1e-6
    )
    warmup = export / "assets.extra" / "tf_serving_warmup_requests"
    records = tf.data.TFRecordDataset(str(warmup)).as_numpy_iterator()
    assert len(list(records)) == 6


def test_progress_names_counts_and_epochs(trained) -> None:
    messages = trained[1]

    assert messages[0] == "read 15 train and 10 val examples"
    assert [m[:9] for m in messages[1:-1]] == ["epoch 1/2", "epoch 2/2"]
    assert messages[-1] == f"exported a model of {PARAMETERS} parameters"


def test_fewer_examples_than_a_batch_is_an_error_that_says_what_to_do(
    tiny_examples: Path, transform_graph: Path, tmp_path: Path
) -> None:
    args = fn_args(
        tmp_path, tiny_examples, transform_graph, batch_size=21, max_examples=0
    )

    with pytest.raises(
        ValueError,
        match=r"at least one batch of 21 examples to train on\. Received: 20 examples\."
        r" Lower train\.batch_size",
    ):
        run_fn(args)
    assert not (tmp_path / "serving").exists()


def test_a_wrong_hyperparameter_is_refused_before_anything_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "empty").touch()
    args = fn_args(tmp_path, tmp_path, tmp_path, epoch=3)

    with pytest.raises(ValidationError, match=r"epoch\n.*[Uu]nexpected keyword"):
        run_fn(args)


@pytest.fixture
def striped() -> tuple[np.ndarray, np.ndarray]:
    """Ten classes that anyone can tell apart: a bright stripe each, 12 examples."""
    labels = np.arange(120) % 10
    images = np.random.default_rng(0).integers(0, 60, (120, 784))
    images.reshape(120, 28, 28)[np.arange(120), labels * 2 + 4] += 190
    return images.astype(np.uint8), labels


def fitted(examples, log_dir: Path) -> tuple[dict, list[np.ndarray]]:
    settings = TrainHyperparameters(
        epochs=6,
        batch_size=20,
        learning_rate=0.02,
        seed=1,
        augment=AugmentHyperparameters(enabled=False),
    )
    keras.utils.set_random_seed(1)
    model = build_model(ModelHyperparameters(hidden_units=(16,)))
    history = fit(model, examples, examples, preprocessing_fn, settings, log_dir)
    return history, model.get_weights()


def test_fitting_learns_and_does_the_same_again(striped, tmp_path: Path) -> None:
    history, weights = fitted(striped, tmp_path / "one")
    _, again = fitted(striped, tmp_path / "again")

    assert history["accuracy"][-1] > 0.95
    assert history["loss"][-1] < history["loss"][0]
    for one, same in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, same)
