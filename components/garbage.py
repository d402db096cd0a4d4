"""Garbage collection off while importing; whatever loads TensorFlow calls it."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def garbage_collection_off() -> Iterator[None]:
    """Turns garbage collection off, then exempts all objects there are from it.

    TensorFlow, TFX and Beam are thousands of modules: many objects and hardly any
    garbage, which every collection would look through again. Nested calls leave
    turning it on to the outermost.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_at_work:
            gc.enable()
