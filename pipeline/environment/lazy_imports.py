"""Leaves clients of Google's cloud unloaded until something uses them.

Beam imports them at its top, for sources and sinks that a run on this machine has none
of: a tenth of the time that TensorFlow and TFX take to load. They stay installed, and
load at the first look at what is in them.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

CLOUD_CLIENTS = (
    "google.cloud.bigquery",
    "google.cloud.bigquery_storage_v1",
    "google.cloud.pubsub",
)


@contextlib.contextmanager
def loaded_when_used(names: Sequence[str]) -> Iterator[None]:
    """Within it, importing these modules does not load them yet.

    Args:
      names: of modules that are imported here for the first time.
    """
    finder = _LazyFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _LazyFinder(MetaPathFinder):
    """Finds modules where they are found otherwise, with a loader that waits."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Returns None for every other module, which leaves it to other finders."""
        if fullname not in self._names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
