"""Calls an exported model in a process of its own, as a server would.

ServingCheck runs ``python -m components.serving.probe``, which takes the arguments of
``answer`` as a line of JSON from standard input. TensorFlow and NumPy alone: a model
that needs anything else to be loaded cannot be served. Nothing is judged here. Every
step is written, as a line of JSON, when it begins and when it ended, so that the reader
knows where a model hung or crashed:

    {"slice": "predict_pixels", "step": "an empty batch", "state": "begun"}
    {"slice": "predict_pixels", "step": "an empty batch", "state": "ended",
     "seen": {"class_id": {"dtype": "int64", "shape": [0], "values": []}, ...}}

``error``, one line, stands in place of ``seen`` where a step failed.
"""

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from components.garbage import garbage_collection_off
from components.plain_paths import plain_path

if __name__ == "__main__":
    # A server has no Keras, and TensorFlow takes a second to import it where it is.
    sys.modules["keras"] = None  # type: ignore[assignment]

with garbage_collection_off():
    import numpy as np
    import tensorflow as tf

from components.serving.requests import (
    SIGNATURES,
    build_request,
    read_reference,
)

EXPORT = "export"
LOADING = "loading"
FINISHED = "finished"
INPUTS = "inputs"
ONE, BATCH, EMPTY = "one image", "a batch", "an empty batch"
LATENCY = "latency"

Write = Callable[[dict[str, Any]], None]

_LATENCY_CALLS = 30
_LATENCY_SECONDS = 3.0
_MAX_VALUES = 10_000
_MAX_ERROR = 300


def probe(export: Path, images: np.ndarray, write: Write) -> None:
    """Loads an export and calls each of its signatures.

    Args:
      export: the SavedModel's folder.
      images: uint8 [n, height, width], n at least 1, sent one by one and as a batch.
      write: called with each line, see above.
    """
    model = None

    def load() -> list[str]:
        nonlocal model
        with plain_path(export) as folder:
            model = tf.saved_model.load(folder)
        return sorted(model.signatures)

    _step(write, EXPORT, LOADING, load)
    if model is not None:
        for name in SIGNATURES:
            _probe_signature(model, name, images, write)
    write({"slice": EXPORT, "step": FINISHED, "state": "ended", "seen": True})


def _probe_signature(model: Any, name: str, images: np.ndarray, write: Write) -> None:
    if name not in model.signatures:
        return
    function = model.signatures[name]
    _step(write, name, INPUTS, lambda: _describe_inputs(function))
    for step, sent in ((ONE, images[:1]), (BATCH, images), (EMPTY, images[:0])):
        request = build_request(name, sent)
        _step(write, name, step, partial(_call, function, request))
    request = build_request(name, images[:1])
    _step(write, name, LATENCY, lambda: _latencies(function, request))


def _step(write: Write, part: str, step: str, act: Callable[[], Any]) -> None:
    line = {"slice": part, "step": step}
    write({**line, "state": "begun"})
    try:
        outcome = {"seen": act()}
    except Exception as error:
        outcome = {"error": error_line(error)}
    write({**line, "state": "ended", **outcome})


def _describe_inputs(function: Any) -> dict[str, Any]:
    positional, named = function.structured_input_signature
    specs = {**{str(i): spec for i, spec in enumerate(positional)}, **named}
    return {
        name: {
            "dtype": spec.dtype.name,
            "shape": None if spec.shape.rank is None else spec.shape.as_list(),
        }
        for name, spec in specs.items()
    }


def _call(function: Any, request: Mapping[str, tf.Tensor]) -> dict[str, Any]:
    """Returns dtype, shape and, unless they are many, values of each output."""
    outputs = {}
    for name, tensor in function(**request).items():
        array = tensor.numpy()
        output = {"dtype": tensor.dtype.name, "shape": list(np.shape(array))}
        if np.asarray(array).dtype.kind in "fiu" and np.size(array) <= _MAX_VALUES:
            output["values"] = array.tolist()
        outputs[name] = output
    return outputs


def _latencies(function: Any, request: Mapping[str, tf.Tensor]) -> list[float]:
    """Times calls that follow earlier ones, in milliseconds; fewer if they are slow."""
    latencies: list[float] = []
    give_up = time.perf_counter() + _LATENCY_SECONDS
    while len(latencies) < _LATENCY_CALLS and (
        not latencies or time.perf_counter() < give_up
    ):
        started = time.perf_counter()
        for tensor in function(**request).values():
            tensor.numpy()
        latencies.append((time.perf_counter() - started) * 1000)
    return latencies


def error_line(error: BaseException) -> str:
    """Returns what an exception says in one line, without TensorFlow's frame."""
    frame = ("Graph execution error:", "Detected at node", "<stack traces", "[[")
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(frame)]
    return f"{type(error).__name__}: {' '.join(said)}"[:_MAX_ERROR]


def answer(export: str, model_run: str, observations: str, seconds: int) -> None:
    """Probes an export with the Trainer's reference images.

    Args:
      export: the SavedModel's folder.
      model_run: the folder with ``reference.npz``.
      observations: the file that takes the lines of JSON.
      seconds: this process is ended after them.
    """
    # Ends this process even in a kernel that hangs, should the parent be gone.
    signal.alarm(seconds)
    images = read_reference(Path(model_run)).images
    with Path(observations).open("w", encoding="utf-8") as stream:

        def write(line: dict[str, Any]) -> None:
            stream.write(json.dumps(line) + "\n")
            stream.flush()

        probe(Path(export), images, write)


def main() -> None:
    """Reads one request, a line of JSON, from standard input; ends if none comes."""
    if request := sys.stdin.readline():
        answer(**json.loads(request))


if __name__ == "__main__":
    main()
