"""Calls an exported model in a process of its own, as a server would.

ServingCheck runs ``python -m components.serving.probe``, which takes the arguments of
``answer`` as a line of JSON from standard input. TensorFlow, NumPy and psutil alone: a
model that needs anything else to be loaded cannot be served. Nothing is judged here.
Every step is written, as a line of JSON, when it begins and when it ended, so that the
reader knows where a model hung or crashed:

    {"slice": "predict_pixels", "step": "an empty batch", "state": "begun"}
    {"slice": "predict_pixels", "step": "an empty batch", "state": "ended",
     "seconds": 0.01,
     "seen": {"class_id": {"dtype": "int64", "shape": [0], "values": []}, ...}}

``error``, one line, stands in place of ``seen`` where a step failed.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from components.features import CLASS_ID
from components.garbage import garbage_collection_off
from components.plain_paths import plain_path

if __name__ == "__main__":
    # A server has no Keras, and TensorFlow takes a second to import it where it is.
    sys.modules["keras"] = None  # type: ignore[assignment]

with garbage_collection_off():
    import numpy as np
    import tensorflow as tf

from components.serving.isolation import COPY, become
from components.serving.operations import read_operations
from components.serving.requests import (
    SIGNATURES,
    build_request,
    format_requests,
    incomplete_request,
    mixed_request,
    read_reference,
)
from components.serving.steps import (
    BATCH,
    EMPTY,
    EXPORT,
    FINISHED,
    INCOMPLETE,
    INPUTS,
    LATENCY,
    LOADING,
    ONE,
    OPERATIONS,
    OTHER_FORMATS,
    UNREADABLE,
    USER,
    Write,
    call,
    stopwatch,
    take_step,
)
from components.serving.stress import stress

_LATENCY_CALLS = 30
_LATENCY_SECONDS = 3.0
_ODD_PICTURES = 8

Use = Callable[[Any, Write], None]


def probe(export: Path, use: Use, write: Write) -> None:
    """Reads the operations of an export, loads it and calls its signatures.

    What holds operations that no server has is not loaded.

    Args:
      export: the SavedModel's folder.
      use: is given the loaded model.
      write: called with each line, see above.
    """
    model, servable = None, True

    def read() -> dict[str, list[str]]:
        nonlocal servable
        found = read_operations(export)
        servable = not found.foreign
        return found._asdict()

    def load() -> list[str]:
        nonlocal model
        with plain_path(export) as folder:
            model = tf.saved_model.load(folder)
        return sorted(model.signatures)

    take_step(write, EXPORT, OPERATIONS, read)
    if servable:
        take_step(write, EXPORT, LOADING, load)
    if model is not None:
        use(model, write)
    write({"slice": EXPORT, "step": FINISHED, "state": "ended", "seen": True})


def call_each(model: Any, images: np.ndarray, write: Write) -> None:
    """Calls each signature with one image, with all of them and with none.

    Args:
      model: as it was loaded.
      images: uint8 [n, height, width], n at least 1.
      write: called with each line.
    """
    for name in SIGNATURES:
        if name in model.signatures:
            _call_signature(model.signatures[name], name, images, write)


def _call_signature(function: Any, name: str, images: np.ndarray, write: Write) -> None:
    take_step(write, name, INPUTS, lambda: _describe_inputs(function))
    for step, sent in ((ONE, images[:1]), (BATCH, images), (EMPTY, images[:0])):
        request = build_request(name, sent)
        take_step(write, name, step, partial(call, function, request))
    request = build_request(name, images[:1])
    take_step(write, name, LATENCY, lambda: _latencies(function, request))
    few = images[:_ODD_PICTURES]
    if name == "serving_default":
        take_step(write, name, INCOMPLETE, lambda: call(function, incomplete_request()))
    elif name == "predict_image":
        take_step(write, name, UNREADABLE, lambda: _call_mixed(function, few))
        take_step(write, name, OTHER_FORMATS, lambda: _call_formats(function, few))


def _call_mixed(function: Any, images: np.ndarray) -> dict[str, list[int]]:
    request, rows = mixed_request(images)
    answers = function(**request)[CLASS_ID].numpy().tolist()
    return {"rows": rows.tolist(), "answers": answers}


def _call_formats(function: Any, images: np.ndarray) -> dict[str, list[int]]:
    return {
        kind: function(**request)[CLASS_ID].numpy().tolist()
        for kind, request in format_requests(images).items()
    }


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


def _latencies(function: Any, request: Mapping[str, tf.Tensor]) -> list[float]:
    """Times calls that follow earlier ones, in milliseconds; fewer if they are slow."""
    latencies: list[float] = []
    give_up = time.perf_counter() + _LATENCY_SECONDS
    while len(latencies) < _LATENCY_CALLS and (
        not latencies or time.perf_counter() < give_up
    ):
        seconds = stopwatch()
        for tensor in function(**request).values():
            tensor.numpy()
        latencies.append(seconds() * 1000)
    return latencies


def answer(
    folder: str,
    user: int | None,
    model_run: str,
    observations: str,
    seconds: int,
    max_batch: int | None,
) -> None:
    """Probes an export with the Trainer's reference images.

    Args:
      folder: of ``isolation``, with the copy of the export.
      user: id of the user to become; None to stay the same.
      model_run: the folder with ``reference.npz``.
      observations: the file that takes the lines of JSON.
      seconds: this process is ended after them.
      max_batch: images of the largest request of a stress test; None to call each
        signature a few times instead.
    """
    # Ends this process even in a kernel that hangs, should the parent be gone.
    signal.alarm(seconds)
    images = read_reference(Path(model_run)).images
    with Path(observations).open("w", encoding="utf-8") as stream:

        def write(line: dict[str, Any]) -> None:
            stream.write(json.dumps(line) + "\n")
            stream.flush()

        def use(model: Any, write: Write) -> None:
            if max_batch is None:
                call_each(model, images, write)
            else:
                stress(model, images, max_batch, write)

        # From here on the copy is all that it needs, by a path that nobody can expect.
        os.chdir(folder)
        take_step(write, EXPORT, USER, lambda: become(user))
        probe(Path(COPY), use, write)


def main() -> None:
    """Reads one request, a line of JSON, from standard input; ends if none comes."""
    if request := sys.stdin.readline():
        answer(**json.loads(request))


if __name__ == "__main__":
    main()
