"""Trains one recipe with one seed and says how good it is.

``benchmarks.accuracy`` runs it as a process of its own: it reads a ``SeedRun`` as
JSON from its standard input and prints a ``SeedResult`` as JSON.
"""

import functools
import json
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import attrs
import keras
import numpy as np
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata

from components.examples import feature_spec, load_split, read_examples
from components.features import IMAGE, LABEL, TEST, TRAIN, VAL
from components.hyperparameters import (
    ModelHyperparameters,
    TrainHyperparameters,
    epoch_size,
    from_dict,
)
from components.image_spec import MNIST
from components.training.batches import Preprocess, evaluation_batches
from components.training.checkpoints import CheckpointStore
from components.training.fit import TrainingData
from components.training.precision import choose_precision
from components.training.trainer import Recipe, load_data, train
from components.training.transform import preprocessing_fn
from pipeline.beam_args import BEAM_ARGS

_EVALUATION_BATCH = 1000
# The preprocessing needs no pass over the data; these show what records look like.
_ANALYSED = 10


@attrs.frozen
class SeedRun:
    """What to train.

    Attributes:
      data: folder with ``train/``, ``val/`` and ``test/``.
      model: of the configuration.
      train: of the configuration, the seed included.
      read_test: whether to measure on the test split.
    """

    data: str
    model: dict[str, Any]
    train: dict[str, Any]
    read_test: bool


@attrs.frozen
class SeedResult:
    """What came out.

    Attributes:
      parameters: of the network.
      precision: that it was trained in.
      epochs: that were trained.
      seconds: wall time of the training, compilation and validation included.
      cpu_seconds: of all threads, as long as the training took.
      examples_per_second: that were trained on.
      val: accuracy on the validation split; None where it was trained on.
      test: accuracy on the test split after the last epoch; None if it was not read.
    """

    parameters: int
    precision: str
    epochs: int
    seconds: float
    cpu_seconds: float
    examples_per_second: float
    val: float | None
    test: float | None


def measure(run: SeedRun, folder: Path) -> SeedResult:
    """Trains as the Trainer does and measures the network that it would export.

    Args:
      run: what to train.
      folder: receives what the Trainer writes.
    """
    settings = from_dict(TrainHyperparameters, run.train)
    precision = choose_precision(settings.precision)
    recipe = Recipe(from_dict(ModelHyperparameters, run.model), settings, precision)
    data = load_training_data(run.data, settings, folder)
    # A training that went on from a checkpoint would have the wrong time.
    store = CheckpointStore(folder / "checkpoints", "seed")
    started, cpu_started = time.monotonic(), time.process_time()
    model, history = train(recipe, data, folder / "run", store)
    seconds = time.monotonic() - started
    cpu_seconds = time.process_time() - cpu_started

    epochs = len(history["loss"])
    size = epoch_size(data.train.count, settings.batch_size, settings.min_steps)
    return SeedResult(
        parameters=model.count_params(),
        precision=precision,
        epochs=epochs,
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu_seconds, 1),
        examples_per_second=round(epochs * size.examples / seconds),
        val=None if data.val is None else _accuracy(model, data.preprocess, run, VAL),
        test=_accuracy(model, data.preprocess, run, TEST) if run.read_test else None,
    )


def load_training_data(
    data: str, settings: TrainHyperparameters, folder: Path
) -> TrainingData:
    """Loads what the Trainer loads, without the pipeline.

    Args:
      data: folder with ``train/`` and ``val/``.
      settings: how the network is fitted.
      folder: receives the transform graph.
    """
    arguments = SimpleNamespace(
        train_files=[f"{data}/{TRAIN}/*.tfrecord.gz"],
        eval_files=[f"{data}/{VAL}/*.tfrecord.gz"],
        transform_output=write_transform_graph(data, folder / "transform"),
    )
    return load_data(MNIST, arguments, settings)


def _accuracy(
    model: keras.Model, preprocess: Preprocess, run: SeedRun, name: str
) -> float:
    split = load_split(
        MNIST,
        name,
        [f"{run.data}/{name}/*.tfrecord.gz"],
        0,
        run.train["memory_limit"],
    )
    correct = sum(
        int((np.argmax(model.predict_on_batch(image), 1) == np.argmax(label, 1)).sum())
        for image, label in evaluation_batches(split, preprocess, _EVALUATION_BATCH)
    )
    return correct / split.count


def write_transform_graph(data: str, folder: Path) -> str:
    """Writes the graph that the node Transform writes; returns the folder."""
    images, labels = read_examples(MNIST, [f"{data}/{TRAIN}/*.tfrecord.gz"], _ANALYSED)
    rows = [
        {IMAGE: image.tolist(), LABEL: [int(label)]}
        for image, label in zip(images, labels, strict=True)
    ]
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec(feature_spec(MNIST))
    context = tft_beam.Context(temp_dir=str(folder / "temp"))
    with beam.Pipeline(argv=BEAM_ARGS) as pipeline, context:
        source = pipeline | "rows" >> beam.Create(rows)
        preprocess = functools.partial(
            preprocessing_fn, custom_config={"classes": MNIST.classes}
        )
        transform = (source, metadata) | tft_beam.AnalyzeDataset(preprocess)
        _ = transform | tft_beam.WriteTransformFn(str(folder / "graph"))
        _ = metadata | tft_beam.WriteMetadata(str(folder / "graph/metadata"), pipeline)
    return str(folder / "graph")


def main() -> None:
    """Reads, measures, prints."""
    run = SeedRun(**json.load(sys.stdin))
    with tempfile.TemporaryDirectory() as folder:
        result = measure(run, Path(folder))
    print(json.dumps(attrs.asdict(result)))


if __name__ == "__main__":
    main()
