"""Times an exported model, signature by signature, beside its bare Keras network.

``benchmarks.serving_speed`` runs it as a process of its own, with plain TensorFlow.
Requests are encoded before the clock starts. The network is given uint8 arrays, as
``predict_pixels`` is, and once float32 pixels in [0, 1], so that it need not scale.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import click
import keras
import numpy as np
import tensorflow as tf

from components.examples import read_examples
from components.features import MAX_PIXEL
from components.hyperparameters import ModelHyperparameters
from components.image_spec import MNIST
from components.serving.requests import SIGNATURES, build_request
from components.serving.signatures import WEIGHTS
from components.training.model import build_model
from pipeline.config import load_config

BATCH = 1000
_BATCHES = 10
# In each round.
_SINGLE_CALLS = 500
_PASSES = 5

Encode = Callable[[np.ndarray], Any]


@attrs.frozen
class Way:
    """One way to ask the model.

    Attributes:
      name: a signature, or how the bare network is called.
      encode: turns images uint8 [n, 28, 28] into a request.
      answer: takes a request; returns once the answer is there.
    """

    name: str
    encode: Encode
    answer: Callable[[Any], Any]


def signature_ways(loaded: Any) -> list[Way]:
    """Returns a way for each signature of a SavedModel."""

    def way(name: str) -> Way:
        signature = loaded.signatures[name]
        return Way(
            name,
            lambda images: build_request(name, images),
            lambda request: signature(**request)["probabilities"].numpy(),
        )

    return [way(name) for name in SIGNATURES]


def bare_ways(network: keras.Model) -> list[Way]:
    """Returns the ways to call a network that takes float32 [n, 784] in [0, 1].

    All but the last are given what ``predict_pixels`` is given.
    """
    compiled = tf.function(
        lambda pixels: network(pixels, training=False), autograph=False
    )
    scaling = tf.function(
        lambda images: network(_scaled(images), training=False), autograph=False
    )
    return [
        Way("bare_compiled", tf.constant, lambda images: scaling(images).numpy()),
        Way(
            "bare_called",
            tf.constant,
            lambda images: network(_scaled(images), training=False).numpy(),
        ),
        Way(
            "bare_predict",
            lambda images: images,
            lambda images: network.predict_on_batch(_scaled(images)),
        ),
        Way("bare_ready", _scaled, lambda pixels: compiled(pixels).numpy()),
    ]


def _scaled(images: tf.Tensor | np.ndarray) -> tf.Tensor:
    return tf.cast(tf.reshape(images, [-1, MNIST.pixels]), tf.float32) / MAX_PIXEL


def bare_network(loaded: Any, settings: ModelHyperparameters) -> keras.Model:
    """Builds the network anew, with the weights of its export."""
    network = build_model(MNIST, settings)
    network.set_weights([weight.numpy() for weight in getattr(loaded, WEIGHTS)])
    return network


def time_ways(
    ways: Sequence[Way], images: np.ndarray, rounds: int
) -> dict[str, dict[str, Any]]:
    """Times all ways in turn, round after round.

    Args:
      ways: what to time.
      images: uint8 [n, 28, 28].
      rounds: how often.

    Returns:
      For each way ``latency_ms``, the median and the 99th percentile of milliseconds
      for a single image, and ``throughput``, images a second in each round.
    """
    single: dict[str, list[float]] = {way.name: [] for way in ways}
    throughput: dict[str, list[float]] = {way.name: [] for way in ways}
    singles = {way.name: _requests(way, images, 1, _SINGLE_CALLS) for way in ways}
    batches = {way.name: _requests(way, images, BATCH, _BATCHES) for way in ways}
    for way in ways:
        # The first call of a shape compiles.
        way.answer(singles[way.name][0])
        way.answer(batches[way.name][0])
    answered = len(images[: BATCH * _BATCHES]) * _PASSES
    for _ in range(rounds):
        for way in ways:
            single[way.name] += _seconds(way, singles[way.name])
            taken = sum(_seconds(way, batches[way.name] * _PASSES))
            throughput[way.name].append(round(answered / taken))
    return {
        way.name: {
            "latency_ms": _percentiles(single[way.name]),
            "throughput": throughput[way.name],
        }
        for way in ways
    }


def _requests(way: Way, images: np.ndarray, size: int, most: int) -> list[Any]:
    return [way.encode(batch) for batch in _slices(images[: size * most], size)]


def _slices(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(images), size):
        yield images[start : start + size]


def _seconds(way: Way, requests: Sequence[Any]) -> list[float]:
    taken = []
    for request in requests:
        started = time.perf_counter()
        way.answer(request)
        taken.append(time.perf_counter() - started)
    return taken


def _percentiles(seconds: Sequence[float]) -> list[float]:
    return [round(1000 * float(np.percentile(seconds, share)), 3) for share in (50, 99)]


@click.command()
@click.argument("export", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--preset", default="default", show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE")
@click.option("--rounds", default=3, show_default=True)
def main(
    export: Path, data: Path, preset: str, overrides: tuple[str, ...], rounds: int
) -> None:
    """Time the model in EXPORT and print the figures as JSON."""
    config = load_config(preset, overrides=overrides)
    loaded = tf.saved_model.load(str(export))
    network = bare_network(loaded, config.model)
    images, _ = read_examples(
        MNIST, [f"{data}/test/*.tfrecord.gz"], limit=BATCH * _BATCHES
    )
    ways = [*signature_ways(loaded), *bare_ways(network)]
    figures = time_ways(ways, images.reshape(-1, MNIST.height, MNIST.width), rounds)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
