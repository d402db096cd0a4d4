"""Draws of good data, of which no gate may say anything: MNIST and Fashion-MNIST.

Fashion-MNIST is looked for where Debian's package dataset-fashion-mnist puts it, or in
the folder that the environment variable FASHION_MNIST names.
"""

import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import numpy as np

from components.examples import read_examples
from components.image_spec import MNIST
from pipeline.datasets.idx_source import read_source
from tests.defects.plants import ALL, Split, Splits
from tests.small_mnist import BUNDLED


@attrs.frozen
class Draw:
    """A sample of good data.

    Attributes:
      name: of its size and seed.
      seed: of the draw, and of the training where there is one.
      sizes: records of each split; None takes all, in another order.
      whole: whether a whole run must push a model of it; otherwise the data nodes run.
      args: of the run.
    """

    name: str
    seed: int
    sizes: Mapping[str, int] | None
    whole: bool = False
    args: tuple[str, ...] = ()


def fashion_folder() -> Path:
    """Where Fashion-MNIST is, if it is installed."""
    return Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


@functools.cache
def mnist() -> Splits:
    """Reads the bundled data."""
    splits = {}
    for split in ALL:
        pixels, labels = read_examples(MNIST, [str(BUNDLED / split / "*.tfrecord.gz")])
        splits[split] = pixels.reshape(-1, *MNIST.size).astype(np.uint8), labels
    return splits


@functools.cache
def fashion() -> Splits:
    """Reads Fashion-MNIST; one image in ten of its training split is for validation."""
    source = read_source(fashion_folder())
    (images, labels), test = (
        _arrays(source.splits[split].examples) for split in ("train", "test")
    )
    val = np.arange(len(labels)) % 10 == 0
    return {
        "train": (images[~val], labels[~val]),
        "val": (images[val], labels[val]),
        "test": test,
    }


def _arrays(examples: Iterable[tuple[np.ndarray, int]]) -> Split:
    images, labels = zip(*examples, strict=True)
    return np.stack(images).reshape(-1, *MNIST.size), np.array(labels, np.int64)


def drawn(data: Splits, draw: Draw) -> Splits:
    """Draws records of each split without putting back.

    All records: those of train and val are dealt out anew.
    """
    rng = np.random.default_rng(draw.seed)
    if draw.sizes is not None:
        return {
            split: _some(data[split], rng.permutation(len(data[split][1]))[:count])
            for split, count in draw.sizes.items()
        }
    train, val = data["train"], data["val"]
    both = np.concatenate([train[0], val[0]]), np.concatenate([train[1], val[1]])
    order = rng.permutation(len(both[1]))
    parts = np.split(order, [len(train[1])])
    train, val = (_some(both, part) for part in parts)
    return {"train": train, "val": val, "test": data["test"]}


def _some(split: Split, index: np.ndarray) -> Split:
    images, labels = split
    return images[index], labels[index]
