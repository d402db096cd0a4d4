"""The steps of a probe of an export: their names, and how each is written down.

The probe's process takes them, ``verdict`` and ``stress_verdict`` read what they saw.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

EXPORT = "export"
USER, OPERATIONS, LOADING, FINISHED = "user", "operations", "loading", "finished"
INPUTS = "inputs"
ONE, BATCH, EMPTY = "one image", "a batch", "an empty batch"
LATENCY = "latency"
UNREADABLE, OTHER_FORMATS = "unreadable pictures", "pictures in other formats"
INCOMPLETE = "an example without its image"
CALLS = "repeated calls"

Write = Callable[[dict[str, Any]], None]

_MAX_VALUES = 100_000
_MAX_ERROR = 300


def take_step(write: Write, part: str, step: str, act: Callable[[], Any]) -> None:
    """Does something and writes a line when it begins and one when it ended.

    Args:
      write: called with each line.
      part: ``EXPORT`` or the name of a signature.
      step: its name.
      act: returns what is written as ``seen``.
    """
    line = {"slice": part, "step": step}
    write({**line, "state": "begun"})
    seconds = stopwatch()
    try:
        outcome = {"seen": act()}
    except Exception as error:
        outcome = {"error": error_line(error)}
    write({**line, "state": "ended", "seconds": seconds(), **outcome})


def stopwatch() -> Callable[[], float]:
    """Returns what tells the seconds since now, of wall or processor time.

    The less of both: on a busy machine wall time says little about the model.
    """
    wall, work = time.perf_counter(), time.process_time()
    return lambda: min(time.perf_counter() - wall, time.process_time() - work)


def call(function: Any, request: Mapping[str, tf.Tensor]) -> dict[str, Any]:
    """Returns dtype, shape and, unless they are many, values of each output."""
    return describe(function(**request), _MAX_VALUES)


def describe(outputs: Mapping[str, tf.Tensor], max_values: int = 0) -> dict[str, Any]:
    """Returns dtype, shape and, unless they are more than that, values of outputs."""
    described = {}
    for name, tensor in outputs.items():
        array = tensor.numpy()
        output = {"dtype": tensor.dtype.name, "shape": list(np.shape(array))}
        if np.asarray(array).dtype.kind in "fiu" and np.size(array) <= max_values:
            output["values"] = array.tolist()
        described[name] = output
    return described


def error_line(error: BaseException) -> str:
    """Returns what an exception says in one line, without TensorFlow's frame."""
    frame = ("Graph execution error:", "Detected at node", "<stack traces", "[[")
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(frame)]
    return f"{type(error).__name__}: {' '.join(said)}"[:_MAX_ERROR]
