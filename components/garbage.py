"""Keeps the garbage collector out of the imports."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def collector_at_rest() -> Iterator[None]:
    """Pauses the garbage collector, then exempts what there is from it for good.

    TensorFlow, TFX and Beam are eight thousand modules: millions of objects and
    hardly any garbage. Looking through them again and again took a quarter of the time
    of their imports, and each collection after that as well. One inside another leaves
    the pause to the outer one.
    """
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_at_work:
            gc.enable()
