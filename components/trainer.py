"""The Trainer's ``run_fn``: load, build, fit, export."""

import json
import logging
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from components.examples import (
    Preprocess,
    evaluation_batches,
    read_examples,
    training_batches,
)
from components.features import HEIGHT, IMAGE, TRAIN, VAL, WIDTH
from components.hyperparameters import (
    ModelHyperparameters,
    TrainHyperparameters,
    from_dict,
)
from components.model import build_model, compile_model
from components.progress import EpochProgress
from components.serving import export_model
from components.serving_requests import (
    REFERENCE_COUNT,
    Reference,
    write_reference,
    write_warmup_requests,
)

HISTORY_FILE = "history.json"
_EVALUATION_BATCH = 1000
_log = logging.getLogger(__name__)


def run_fn(fn_args: FnArgs) -> None:
    """Trains on the raw examples through the transform graph and exports.

    Args:
      fn_args: from TFX. ``train_files`` and ``eval_files`` are patterns of gzip
        TFRecords, ``transform_output`` is the transform graph, ``custom_config``
        holds ``model`` and ``train`` (dictionaries of the hyperparameters). The
        SavedModel goes to ``serving_model_dir``; TensorBoard logs,
        ``history.json`` and ``reference.npz`` go to ``model_run_dir``.
    """
    settings = from_dict(TrainHyperparameters, fn_args.custom_config["train"])
    architecture = from_dict(ModelHyperparameters, fn_args.custom_config["model"])
    preprocess = tft.TFTransformOutput(
        fn_args.transform_output
    ).transform_features_layer()

    train = read_examples(fn_args.train_files, limit=settings.max_examples)
    val = read_examples(fn_args.eval_files)
    _log.info("read %d %s and %d %s examples", len(train[1]), TRAIN, len(val[1]), VAL)

    keras.utils.set_random_seed(settings.seed)
    model = build_model(architecture)
    run_dir, export = Path(fn_args.model_run_dir), Path(fn_args.serving_model_dir)
    history = fit(model, train, val, preprocess, settings, run_dir)
    write_history(history, model, run_dir)

    reference = predict_reference(model, val[0][:REFERENCE_COUNT], preprocess)
    write_reference(run_dir, reference)
    export_model(model, preprocess, export)
    write_warmup_requests(export, reference.images)
    _log.info("exported a model of %d parameters", model.count_params())


def fit(model, train, val, preprocess, settings, log_dir: Path):
    """Compiles and fits; validates on ``val`` after each epoch.

    Args:
      model: from float32 [n, 784] to logits [n, 10].
      train: images uint8 [n, 784] and labels int64 [n]; ``val`` likewise.
      preprocess: the transform graph.
      settings: a ``TrainHyperparameters``.
      log_dir: receives the TensorBoard logs.

    Returns:
      The metrics of each epoch, a list a metric.

    Raises:
      ValueError: there are fewer examples than one batch holds.
    """
    steps = len(train[1]) // settings.batch_size
    if not steps:
        raise ValueError(
            f"Expected at least one batch of {settings.batch_size} examples to train "
            f"on. Received: {len(train[1])} examples. Lower train.batch_size."
        )
    compile_model(model, settings, total_steps=steps * settings.epochs)
    return model.fit(
        training_batches(train, preprocess, settings),
        epochs=settings.epochs,
        steps_per_epoch=steps,
        validation_data=evaluation_batches(val, preprocess, _EVALUATION_BATCH),
        callbacks=[
            keras.callbacks.TensorBoard(str(log_dir), write_graph=False),
            EpochProgress(settings.epochs, steps * settings.batch_size),
        ],
        verbose=0,
    ).history


def write_history(history, model: keras.Model, directory: Path) -> None:
    """Writes the metrics of each epoch and the size of the model as JSON."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {"epochs": history, "parameters": model.count_params()}
    (directory / HISTORY_FILE).write_text(json.dumps(content, indent=2))


def predict_reference(
    model: keras.Model, images: np.ndarray, preprocess: Preprocess
) -> Reference:
    """Predicts with the model in memory, for ServingCheck to compare the export with.

    Args:
      model: from float32 [n, 784] to logits [n, 10].
      images: uint8 [n, 784].
      preprocess: the transform graph.
    """
    features = preprocess({IMAGE: tf.constant(images, tf.int64)})
    probabilities = keras.ops.softmax(model(features[IMAGE], training=False))
    return Reference(images.reshape(-1, HEIGHT, WIDTH), probabilities.numpy())
