"""Writes our records in the layout that TFX's packaged MNIST example reads.

``benchmarks.contenders`` runs it once, untimed, as a process of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import tensorflow as tf

from components.examples import read_examples
from components.features import MAX_PIXEL, SPLITS
from components.image_spec import MNIST
from pipeline.datasets.shards import write_shard

# As tfx.examples.mnist.mnist_utils_native_keras_base calls them.
IMAGE_FLOATS = "image_floats"
IMAGE_CLASS = "image_class"


def example_record(pixels: np.ndarray, label: int) -> bytes:
    """Packs a record: 784 floats in [-0.5, 0.5], as the example expects, and a class.

    Args:
      pixels: uint8 [784].
      label: the class, 0..9.
    """
    example = tf.train.Example()
    feature = example.features.feature
    floats = pixels.astype(np.float32) / MAX_PIXEL - 0.5
    feature[IMAGE_FLOATS].float_list.value.extend(floats.tolist())
    feature[IMAGE_CLASS].int64_list.value.append(label)
    return example.SerializeToString(deterministic=True)


def write_example_data(data: Path, folder: Path) -> int:
    """Writes one file for each of ours, all in one folder: the example splits itself.

    Args:
      data: holds a folder of gzip TFRecords for each split.
      folder: is made.

    Returns:
      How many records there are.
    """
    folder.mkdir(parents=True)
    count = 0
    for split in SPLITS:
        for file in sorted((data / split).glob("*.tfrecord.gz")):
            images, labels = read_examples(MNIST, [str(file)])
            write_shard(folder / file.name, _records(images, labels))
            count += len(labels)
    return count


def _records(images: np.ndarray, labels: np.ndarray) -> Iterator[bytes]:
    for pixels, label in zip(images, labels, strict=True):
        yield example_record(pixels, int(label))


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def main(data: Path, folder: Path) -> None:
    """Write the records of DATA into FOLDER and print how many there are."""
    click.echo(write_example_data(data, folder))


if __name__ == "__main__":
    main()
