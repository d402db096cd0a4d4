"""What tests of several folders need: a few records and a transform graph.

TensorFlow and Beam are imported where they are used, to start light tests fast.
"""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from components.features import IMAGE, LABEL
from components.image_spec import MNIST
from pipeline.datasets.records import serialize_example
from pipeline.datasets.shards import shard_name, write_shard
from tests.small_mnist import write_first_records

COUNT = 20
SHARDS = 2

Items = tuple[np.ndarray, np.ndarray]

# A shell that starts the tests in the background has Ctrl-C ignored, and nohup has the
# end of a terminal ignored, here and in whatever the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def make_small_mnist(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Mapping[str, int]], Path]:
    """Writes the first records of each bundled split, so many as the sizes say."""

    def make(sizes: Mapping[str, int]) -> Path:
        folder = tmp_path_factory.mktemp("small_mnist")
        write_first_records(folder, sizes)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_items() -> Items:
    """Images uint8 [20, 784], labels int64 [20]; pixel 0 of image i is i."""
    items = np.arange(COUNT)[:, None]
    images = (items * 37 + np.arange(MNIST.pixels) * 5) % 256
    images[:, 0] = items[:, 0]
    return images.astype(np.uint8), np.arange(COUNT) * 7 % 10


@pytest.fixture(scope="session")
def tiny_examples(tmp_path_factory: pytest.TempPathFactory, tiny_items: Items) -> Path:
    """A folder with ``tiny_items`` as two gzip TFRecord shards of 10 records."""
    folder = tmp_path_factory.mktemp("tiny")
    records = [serialize_example(*item) for item in zip(*tiny_items, strict=True)]
    for index in range(SHARDS):
        path = folder / shard_name("train", index, SHARDS)
        write_shard(path, records[index * 10 : (index + 1) * 10])
    return folder


@pytest.fixture(scope="session")
def transform_graph(
    tmp_path_factory: pytest.TempPathFactory, tiny_items: Items
) -> Path:
    """Our preprocessing, analysed on ``tiny_items`` as Transform does it."""
    import apache_beam as beam
    import tensorflow as tf
    import tensorflow_transform.beam as tft_beam
    from tensorflow_transform.tf_metadata import dataset_metadata

    from pipeline.beam_args import BEAM_ARGS
    from tests.mnist import preprocess

    folder = tmp_path_factory.mktemp("transform")
    rows = [
        {IMAGE: image.tolist(), LABEL: [int(label)]}
        for image, label in zip(*tiny_items, strict=True)
    ]
    metadata = dataset_metadata.DatasetMetadata.from_feature_spec(
        {
            IMAGE: tf.io.FixedLenFeature([MNIST.pixels], tf.int64),
            LABEL: tf.io.FixedLenFeature([1], tf.int64),
        }
    )
    context = tft_beam.Context(temp_dir=str(folder / "temp"))
    with beam.Pipeline(argv=BEAM_ARGS) as pipeline, context:
        data = pipeline | "rows" >> beam.Create(rows)
        transform = (data, metadata) | tft_beam.AnalyzeDataset(preprocess)
        _ = transform | tft_beam.WriteTransformFn(str(folder / "graph"))
        _ = metadata | tft_beam.WriteMetadata(str(folder / "graph/metadata"), pipeline)
    return folder / "graph"
