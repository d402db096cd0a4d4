"""Fits the network: callbacks, checkpoints and what follows the last epoch."""

import itertools
from pathlib import Path

import attrs
import keras
import tensorflow as tf

from components.batches import Preprocess, evaluation_batches, training_batches
from components.board import ConfusionBoard, write_curves
from components.checkpoints import Checkpoints, CheckpointStore, History
from components.confusion import ConfusionAccuracy
from components.divergence import StopOnDivergence
from components.examples import Split
from components.hyperparameters import TrainHyperparameters
from components.model import compile_model
from components.progress import EpochProgress

_EVALUATION_BATCH = 1000
# A moving mean forgets half in 69 batches, with Keras's momentum of 0.99.
_NORMALIZATION_BATCHES = 500


@attrs.frozen
class TrainingData:
    """What a network is fitted to.

    Attributes:
      train: examples to train on.
      val: examples to validate on after each epoch; None leaves that out.
      preprocess: the transform graph.
    """

    train: Split
    val: Split | None
    preprocess: Preprocess


class CountEpochs(keras.callbacks.Callback):
    """Tells the training batches which epoch it is."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = tf.Variable(0, trainable=False, dtype=tf.int64)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Sets the epoch."""
        self.epoch.assign(epoch)


def fit(
    model: keras.Model,
    data: TrainingData,
    settings: TrainHyperparameters,
    log_dir: Path,
    store: CheckpointStore,
) -> History:
    """Compiles and fits, from the checkpoint of a killed training where there is one.

    Args:
      model: from float32 [n, 784] to logits [n, 10]; its weights are fitted.
      data: what to fit it to.
      settings: how.
      log_dir: receives the TensorBoard logs.
      store: receives a checkpoint after each epoch, and keeps the last one.

    Returns:
      The metrics of each epoch, a list a metric.

    Raises:
      ValueError: there are fewer examples than one batch holds.
      TrainingDivergedError: the loss is infinite or not a number.
    """
    steps = _steps_per_epoch(data.train, settings)
    accuracy = ConfusionAccuracy()
    compile_model(model, settings, steps * settings.epochs, accuracy)
    model.optimizer.build(model.trainable_variables)
    stopping = _early_stopping(settings)
    checkpoints = Checkpoints(store, model, stopping)
    before = checkpoints.restore()
    if before.epochs:
        write_curves(log_dir, before.history)
    counter = CountEpochs()
    batches = training_batches(data.train, data.preprocess, settings, counter.epoch)
    model.fit(
        batches,
        initial_epoch=settings.epochs if before.stopped else before.epochs,
        epochs=settings.epochs,
        validation_data=_validation(data),
        callbacks=[
            counter,
            *_watching(data, settings, log_dir, accuracy),
            *([stopping] if stopping else []),
            checkpoints,
        ],
        # The batches come shuffled; Keras warns where it is to shuffle a dataset.
        shuffle=False,
        verbose=0,
    )
    if settings.average_weights:
        renew_batch_statistics(model, batches)
    return checkpoints.progress.history


def _validation(data: TrainingData) -> tf.data.Dataset | None:
    if data.val is None:
        return None
    return evaluation_batches(data.val, data.preprocess, _EVALUATION_BATCH)


def _steps_per_epoch(train: Split, settings: TrainHyperparameters) -> int:
    steps = train.count // settings.batch_size
    if not steps:
        raise ValueError(
            f"Expected at least one batch of {settings.batch_size} examples to train "
            f"on. Received: {train.count} examples. Lower train.batch_size."
        )
    return steps


def _early_stopping(
    settings: TrainHyperparameters,
) -> keras.callbacks.EarlyStopping | None:
    if not settings.patience:
        return None
    return keras.callbacks.EarlyStopping(
        monitor="val_loss",
        mode="min",
        patience=settings.patience,
        restore_best_weights=True,
    )


def _watching(
    data: TrainingData,
    settings: TrainHyperparameters,
    log_dir: Path,
    accuracy: ConfusionAccuracy,
) -> list[keras.callbacks.Callback]:
    """What stops a diverged training, and what shows it."""
    steps = _steps_per_epoch(data.train, settings)
    callbacks = [
        StopOnDivergence(settings.epochs, steps),
        keras.callbacks.TensorBoard(str(log_dir), write_graph=False),
        EpochProgress(settings.epochs, steps * settings.batch_size),
    ]
    if data.val is not None:
        callbacks.append(ConfusionBoard(log_dir / "validation", accuracy))
    return callbacks


def renew_batch_statistics(model: keras.Model, batches: tf.data.Dataset) -> None:
    """Measures the statistics of batch normalization anew, for averaged weights.

    The moving means belong to the weights that were averaged; see Izmailov et al.
    2018, "Averaging weights leads to wider optima and better generalization".
    """

    @tf.function(autograph=False)
    def pass_forward(image: tf.Tensor) -> None:
        model(image, training=True)

    for image, _ in itertools.islice(batches.repeat(), _NORMALIZATION_BATCHES):
        pass_forward(image)
