"""Every way to ask the model gives its answer, and is timed in turn."""

import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.serving_load import (
    Way,
    bare_network,
    bare_ways,
    signature_ways,
    time_ways,
)
from benchmarks.serving_speed import TITLES
from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.serving.signatures import export_model
from components.training.model import build_model
from tests.mnist import preprocess

pytestmark = pytest.mark.slow

SETTINGS = ModelHyperparameters(hidden_units=(8,))
# Noise on black: predict_image turns what is brighter at the border than inside.
NOISE = np.random.default_rng(0).integers(0, 256, (5, 20, 20), np.uint8)
IMAGES = np.pad(NOISE, [(0, 0), (4, 4), (4, 4)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory):
    """An untrained network, and what TensorFlow loads of its export."""

    def of_images(features: dict) -> dict:
        label = tf.zeros([tf.shape(features["image"])[0], 1], tf.int64)
        return preprocess({"label": label, **features})

    folder: Path = tmp_path_factory.mktemp("exported")
    network = build_model(MNIST, SETTINGS)
    export_model(network, of_images, folder)
    return network, tf.saved_model.load(str(folder))


def test_every_way_gives_the_answer_of_the_network(exported) -> None:
    network, loaded = exported
    logits = network(IMAGES.reshape(-1, 784).astype(np.float32) / 255).numpy()
    probabilities = tf.nn.softmax(logits).numpy()

    ways = [*signature_ways(loaded), *bare_ways(bare_network(loaded, SETTINGS))]
    assert [way.name for way in ways] == list(TITLES)
    for way in ways:
        expected = logits if way.name.startswith("bare") else probabilities
        answer = way.answer(way.encode(IMAGES))
        np.testing.assert_allclose(answer, expected, atol=1e-5, err_msg=way.name)


class Clock:
    """Goes on when it is told to, and by no other reason."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)


def test_ways_are_timed_in_turn_alone_and_in_batches(monkeypatch) -> None:
    clock, asked = Clock(monkeypatch), []

    def way(name: str, seconds: float) -> Way:
        def answer(count: int) -> None:
            asked.append((name, count))
            # Binary fractions add up exactly.
            clock.now += seconds * (count if count > 1 else 2)

        return Way(name, len, answer)

    images = np.zeros((3000, 28, 28), np.uint8)
    figures = time_ways([way("slow", 2**-10), way("fast", 2**-12)], images, rounds=2)

    assert figures == {
        "slow": {"latency_ms": [1.953, 1.953], "throughput": [1024, 1024]},
        "fast": {"latency_ms": [0.488, 0.488], "throughput": [4096, 4096]},
    }
    turns = [
        name
        for (name, _), (before, _) in zip(asked[1:], asked, strict=False)
        if name != before
    ]
    assert turns == ["fast", "slow", "fast", "slow", "fast"]
    assert {count for _, count in asked} == {1, 1000}


def test_the_99th_percentile_is_that_of_single_calls(monkeypatch) -> None:
    clock, calls = Clock(monkeypatch), iter(range(10_000))

    def answer(count: int) -> None:
        clock.now += 0.1 if next(calls) % 50 == 0 else 0.001

    images = np.zeros((500, 28, 28), np.uint8)
    [figures] = time_ways([Way("a", len, answer)], images, rounds=1).values()

    assert figures["latency_ms"] == [1.0, 100.0]
