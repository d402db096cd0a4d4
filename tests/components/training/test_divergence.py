"""A loss that is no number stops the training, with where and what to do."""

import math
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.checks import GateError
from components.training.divergence import StopOnDivergence, TrainingDivergedError

pytestmark = pytest.mark.slow


@pytest.fixture
def callback() -> StopOnDivergence:
    """In epoch 3 of 8 of 107 steps, at rate 0.004."""
    callback = StopOnDivergence(epochs=8, steps=107)
    optimizer = SimpleNamespace(learning_rate=tf.constant(0.004))
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_epoch_begin(2)
    return callback


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_the_error_says_step_epoch_rate_and_what_to_do(callback, loss) -> None:
    with pytest.raises(TrainingDivergedError) as caught:
        callback.on_train_batch_end(39, {"loss": tf.constant(loss)})

    assert str(caught.value) == (
        f"model gate: training loss, epoch 3 of 8: {loss} by step 254 of 856, at "
        "learning rate 0.004, bound finite\n"
        "The training diverged. Lower train.learning_rate."
    )
    assert isinstance(caught.value, GateError)
    assert caught.value.exit_code == 4


def test_a_short_last_execution_does_not_count_steps_of_the_next_epoch(
    callback,
) -> None:
    with pytest.raises(TrainingDivergedError, match="by step 321 of 856"):
        callback.on_train_batch_end(119, {"loss": math.nan})


def test_the_validation_loss_shows_what_the_last_update_did(callback) -> None:
    with pytest.raises(
        TrainingDivergedError, match="validation loss, epoch 3 of 8: nan by step 321 of"
    ):
        callback.on_epoch_end(2, {"loss": 1.0, "val_loss": math.nan})


def test_a_finite_loss_goes_on(callback) -> None:
    assert callback.on_train_batch_end(39, {"loss": 1e30}) is None
    assert callback.on_epoch_end(2, {"loss": 1e30, "val_loss": 0.0}) is None
    assert callback.on_epoch_end(2, {"loss": 1.0}) is None


def test_keras_stops_within_an_epoch() -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=5)
    inputs = np.ones((40, 2), np.float32)
    inputs[17] = np.nan

    with pytest.raises(
        TrainingDivergedError, match="epoch 1 of 3: nan by step 20 of 120"
    ):
        model.fit(
            inputs,
            np.ones(40, np.float32),
            batch_size=1,
            epochs=3,
            shuffle=False,
            callbacks=[StopOnDivergence(epochs=3, steps=40)],
            verbose=0,
        )
