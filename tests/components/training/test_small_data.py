"""The default preset on a data set that is not a fortieth of MNIST."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from components.examples import MemorySplit
from components.image_spec import MNIST
from components.training.batches import evaluation_batches
from components.training.checkpoints import CheckpointStore
from components.training.fit import TrainingData
from components.training.trainer import Recipe, train
from pipeline.config import load_config
from tests.mnist import preprocess

pytestmark = pytest.mark.slow

VAL, TEST = 160, 179


@pytest.fixture(scope="module")
def digits() -> dict[str, MemorySplit]:
    """scikit-learn's 1,797 digits of 8 × 8, made larger; 1,458 are to train on."""
    source = load_digits()
    order = np.random.default_rng(0).permutation(len(source.target))
    pixels = np.rint(source.images[order] / 16 * 255).astype(np.uint8)
    images = np.stack(
        [np.asarray(Image.fromarray(one).resize((28, 28))).ravel() for one in pixels]
    )
    labels = source.target[order].astype(np.int64)
    places = {
        "test": slice(TEST),
        "val": slice(TEST, TEST + VAL),
        "train": slice(TEST + VAL, None),
    }
    return {name: MemorySplit(images[p], labels[p]) for name, p in places.items()}


def accuracy(model: keras.Model, split: MemorySplit) -> float:
    [(images, labels)] = evaluation_batches(split, preprocess, split.count)
    return float(np.mean(np.argmax(model(images), 1) == np.argmax(labels, 1)))


@pytest.mark.parametrize("epochs", [None, 1], ids=["whole", "one epoch"])
def test_the_default_preset_learns_from_1458_digits(digits, tmp_path, epochs) -> None:
    """Also one epoch, whose statistics moving averages would not have reached."""
    overrides = [f"train.epochs={epochs}"] if epochs else []
    config = load_config("default", overrides=overrides)
    data = TrainingData(MNIST, digits["train"], digits["val"], preprocess)
    recipe = Recipe(config.model, config.train, "float32")

    store = CheckpointStore(tmp_path / "checkpoints", "digest")
    model, history = train(recipe, data, tmp_path / "run", store)

    assert data.train.count == 1458
    least = 0.8 if epochs else 0.96
    assert accuracy(model, digits["test"]) >= least
    assert history["val_accuracy"][-1] == pytest.approx(accuracy(model, digits["val"]))
    assert history["val_accuracy"][-1] >= least
