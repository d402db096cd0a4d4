"""Calls a model often, with many images and with odd ones; the probe does so.

What is measured is written as the steps of ``steps``; nothing is judged here.
"""

import math
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import psutil
import tensorflow as tf

from components.features import MAX_PIXEL, PROBABILITIES
from components.serving.requests import SIGNATURES, build_request
from components.serving.steps import BATCH, CALLS, Write, call, describe, take_step

PICTURES = ("the blank picture", "the full picture", "the noisy picture")

_SIZES = (2, 64, 1000, 5000)
# Pixels of the largest request, for the memory that larger images would need.
_MAX_PIXELS = 32_000_000

_MAX_CALLS = 1000
# A slow model is called less often, for so long on all cores together.
_SECONDS = 1.0
_BLOCKS, _JUMPS = 16, 2
_MB = 1e6


def batch_sizes(max_batch: int, pixels: int) -> list[int]:
    """Returns how many images the requests hold, the largest last.

    Args:
      max_batch: images of the largest request.
      pixels: of an image.
    """
    most = max(1, min(max_batch, _MAX_PIXELS // pixels))
    return [*(size for size in _SIZES if size < most), most]


def batch_step(size: int) -> str:
    """Returns the step of a request with so many images."""
    return f"{size:,} images"


def stress(model: Any, images: np.ndarray, max_batch: int, write: Write) -> None:
    """Calls each signature again and again, then with odd pictures and many images.

    Calls come first: what large requests leave behind would hide a small growth. Graphs
    are not optimized, which takes longer than many a call: the other probe has them
    optimized, so that a model whose answers depend on it differs between processes.

    Args:
      model: as it was loaded.
      images: uint8 [n, height, width], n at least 1.
      max_batch: images of the largest request.
      write: called with each line.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    functions = {n: model.signatures[n] for n in SIGNATURES if n in model.signatures}
    for name, function in functions.items():
        request = build_request(name, images[:1])
        take_step(write, name, CALLS, partial(_call_again, function, request))
    mixed = np.concatenate([odd_pictures(images.shape[1:]), images])
    sizes = batch_sizes(max_batch, images[0].size)
    for name, function in functions.items():
        request = build_request(name, images)
        take_step(write, name, BATCH, partial(call, function, request))
        _vary_batches(function, name, mixed, sizes, write)


def odd_pictures(size: tuple[int, ...]) -> np.ndarray:
    """Returns ``PICTURES``, uint8 [3, *size]: all 0, all 255, each pixel by chance."""
    noise = np.random.default_rng(0).integers(0, MAX_PIXEL + 1, size, np.uint8)
    return np.stack(
        [np.zeros(size, np.uint8), np.full(size, MAX_PIXEL, np.uint8), noise]
    )


def _call_again(function: Any, request: Mapping[str, tf.Tensor]) -> dict[str, Any]:
    """Returns how often it was called, how memory grew and how answers differed."""
    memory: list[float] = []
    process = psutil.Process()
    # Prepares the graph, which may take longer than all other calls.
    first = function(**request)[PROBABILITIES].numpy()
    difference, started = 0.0, time.process_time()
    while len(memory) < _MAX_CALLS and time.process_time() - started < _SECONDS:
        again = function(**request)[PROBABILITIES].numpy()
        difference = float(np.maximum(difference, _difference(again, first)))
        memory.append(process.memory_info().rss / _MB)
    return {
        "calls": len(memory),
        "growth": memory_growth(memory),
        "difference": difference,
    }


def memory_growth(memory: list[float]) -> float | None:
    """Returns by how much memory grows in 1,000 calls, in the unit it is given in.

    An allocator fetches memory at first and at times in one large piece, and a leak
    takes some in every call: the first fifth of the calls is left out, the rest is cut
    into blocks, and those that grew most are left out too.

    Args:
      memory: of the process, after each call.

    Returns:
      None where the calls are too few to tell.
    """
    steady = memory[len(memory) // 5 :]
    length = (len(steady) - 1) // _BLOCKS
    if length < 1:
        return None
    ends = steady[-1::-length][: _BLOCKS + 1]
    growths = sorted(-np.diff(ends))[:-_JUMPS]
    return float(np.mean(growths)) / length * 1000


def _vary_batches(
    function: Any, name: str, mixed: np.ndarray, sizes: list[int], write: Write
) -> None:
    """Sends the same images alone and in requests of many sizes.

    Args:
      function: a signature.
      name: of it.
      mixed: uint8 [n, height, width], ``PICTURES`` first.
      sizes: of the requests.
      write: called with each line.
    """
    # Encoded once: the encoding takes longer than many a model.
    request = build_request(name, mixed)
    wanted = None

    def send(rows: np.ndarray) -> dict[str, Any]:
        nonlocal wanted
        if wanted is None:
            wanted = function(**request)[PROBABILITIES].numpy()
        sent = {key: tf.gather(value, rows) for key, value in request.items()}
        return _measure(function(**sent), wanted[rows])

    for row, step in enumerate(PICTURES):
        take_step(write, name, step, partial(send, np.array([row])))
    for size in sizes:
        # The last ones first, so that none holds the odd pictures alone.
        rows = -1 - np.arange(size) % len(mixed)
        take_step(write, name, batch_step(size), partial(send, rows % len(mixed)))


def _measure(outputs: Mapping[str, tf.Tensor], wanted: np.ndarray) -> dict[str, Any]:
    probabilities = outputs[PROBABILITIES].numpy()
    return {
        "outputs": describe(outputs),
        "not finite": int((~np.isfinite(probabilities)).sum()),
        "sum error": float(np.abs(probabilities.sum(axis=-1) - 1).max()),
        "difference": _difference(probabilities, wanted),
    }


def _difference(values: np.ndarray, wanted: np.ndarray) -> float:
    """Returns the largest difference; infinite where the shapes differ."""
    if values.shape != wanted.shape:
        return math.inf
    return float(np.abs(values - wanted).max())
