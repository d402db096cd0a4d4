"""Fits the network: callbacks, checkpoints and what follows the last epoch."""

import logging
from pathlib import Path
from typing import Any

import attrs
import keras
import tensorflow as tf

from components.examples import Split
from components.hyperparameters import TrainHyperparameters, epoch_size
from components.image_spec import ImageSpec
from components.serving.signatures import Preprocess
from components.training.batch_statistics import MeasureStatistics, measure_statistics
from components.training.batches import (
    evaluation_batches,
    sample_batches,
    training_batches,
)
from components.training.board import ConfusionBoard, write_curves
from components.training.checkpoints import Checkpoints, CheckpointStore, History
from components.training.confusion import ConfusionAccuracy
from components.training.divergence import StopOnDivergence
from components.training.model import compile_model
from components.training.progress import EpochProgress

_EVALUATION_BATCH = 1000
# Examples that the statistics of batch normalization are measured on.
_NORMALIZATION_EXAMPLES = 4096
_log = logging.getLogger(__name__)


@attrs.frozen
class TrainingData:
    """What a network is fitted to.

    Attributes:
      spec: what each example holds.
      train: examples to train on.
      val: examples to validate on after each epoch; None leaves that out.
      preprocess: the transform graph.
    """

    spec: ImageSpec
    train: Split
    val: Split | None
    preprocess: Preprocess


class CountEpochs(keras.callbacks.Callback):
    """Tells the training batches which epoch it is."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = tf.Variable(0, trainable=False, dtype=tf.int64)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
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
      model: from float32 [n, pixels] to logits [n, classes]; its weights are fitted.
      data: what to fit it to.
      settings: how.
      log_dir: receives the TensorBoard logs.
      store: receives a checkpoint after each epoch, and keeps the last one.

    Returns:
      The metrics of each epoch, a list a metric.

    Raises:
      TrainingDivergedError: the loss is infinite or not a number.
    """
    size = epoch_size(data.train.count, settings.batch_size, settings.min_steps)
    if size.passes > 1:
        _log.info(
            "%d training examples are few: each epoch passes over them %d times, "
            "for %d steps (train.min_steps)",
            data.train.count,
            size.passes,
            size.steps,
        )
    accuracy = ConfusionAccuracy(data.spec.classes)
    compile_model(model, settings, size.steps * settings.epochs, accuracy)
    model.optimizer.build(model.trainable_variables)
    stopping = _early_stopping(settings)
    checkpoints = Checkpoints(store, model, stopping)
    before = checkpoints.restore()
    if before.epochs:
        write_curves(log_dir, before.history)
    counter = CountEpochs()
    sample = sample_batches(data.train, data.preprocess, _NORMALIZATION_EXAMPLES)
    model.fit(
        training_batches(
            data.spec, data.train, data.preprocess, settings, counter.epoch
        ),
        initial_epoch=settings.epochs if before.stopped else before.epochs,
        epochs=settings.epochs,
        validation_data=_validation(data),
        callbacks=[
            counter,
            MeasureStatistics(sample),
            *_watching(data, settings, log_dir, accuracy),
            *([stopping] if stopping else []),
            checkpoints,
        ],
        # The batches come shuffled; Keras warns where it is to shuffle a dataset.
        shuffle=False,
        verbose=0,
    )
    # The weights are those of the last validation only where neither averaging nor
    # early stopping has replaced them.
    measure_statistics(model, sample)
    return checkpoints.progress.history


def _validation(data: TrainingData) -> tf.data.Dataset | None:
    if data.val is None:
        return None
    return evaluation_batches(data.val, data.preprocess, _EVALUATION_BATCH)


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
    size = epoch_size(data.train.count, settings.batch_size, settings.min_steps)
    callbacks = [
        StopOnDivergence(settings.epochs, size.steps),
        keras.callbacks.TensorBoard(str(log_dir), write_graph=False),
        EpochProgress(settings.epochs, size.examples),
    ]
    if data.val is not None:
        callbacks.append(ConfusionBoard(log_dir / "validation", accuracy))
    return callbacks
