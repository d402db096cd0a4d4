"""Which version serves, whether it is whole, and whether it serves on purpose."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from components.errors import PipelineError
from components.publishing.manifest import Manifest, listed
from components.publishing.pushes import Push
from components.publishing.store import ModelStore


@attrs.frozen
class Serving:
    """A version: the highest, which a model server loads, or one before it.

    Attributes:
      version: its number.
      path: of its folder.
      manifest: of it; None where there is none to be believed.
      problem: why it is not whole, a line; empty where it is.
      original: the version that it is a copy of, over any number of rollbacks;
        itself for one that a run pushed.
    """

    version: int
    path: Path
    manifest: Manifest | None
    problem: str
    original: int

    @property
    def rollback(self) -> bool:
        """Whether somebody went back to an older version on purpose."""
        return self.original != self.version

    def holds(self, files: Mapping[str, str]) -> bool:
        """Whether it is the model with these files, by ``digests``, and whole."""
        listed_files = self.manifest.files if self.manifest else None
        return not self.problem and listed_files == files


def find_serving(store: ModelStore, before: int | None = None) -> Serving | None:
    """Returns the version that serves, or None where there is none.

    Args:
      store: the versions.
      before: a version; the one that comes before it is asked for then.
    """
    versions = [v for v in store.versions() if before is None or v < before]
    return serving_of(store, versions[-1]) if versions else None


def serving_of(store: ModelStore, version: int) -> Serving:
    """Returns a version as it would serve."""
    manifest, problem, original = None, "", version
    try:
        manifest = store.manifest(version)
        original = find_original(store, version)
        problem = listed(store.verify(version))
    except PipelineError as error:
        problem = str(error)
    return Serving(version, store.path(version), manifest, problem, original)


def version_with(store: ModelStore, files: Mapping[str, str]) -> int | None:
    """Returns the newest version that was published with these files, by ``digests``.

    Args:
      store: the versions; those without a manifest to be believed are left out.
      files: path → SHA-256.
    """
    for version in reversed(store.versions()):
        try:
            if store.manifest(version).files == files:
                return version
        except PipelineError:
            continue
    return None


def find_original(store: ModelStore, version: int) -> int:
    """Follows rollbacks back, as far as the versions are there and can be believed.

    Each step leads to an older version: a manifest that says otherwise is refused
    when it is read.

    Raises:
      UsageError: there is no such version.
      PipelineError: its own manifest cannot be believed.
    """
    before = store.manifest(version).rollback_of
    while before is not None:
        version = before
        try:
            before = store.manifest(version).rollback_of
        except PipelineError:
            break
    return version


def rolled_back_from(
    store: ModelStore, serving: Serving | None, pushed: Sequence[Push]
) -> int | None:
    """Returns the id of the model that a rollback took out of service, or None.

    That is the newest one that a run pushed before the rollback that serves.

    Args:
      store: the versions.
      serving: from ``find_serving``.
      pushed: from ``pushes.pushes``.
    """
    if serving is None or serving.problem or not serving.rollback:
        return None
    earlier = [push for push in pushed if push.version < serving.version]
    if not earlier or _pushed_elsewhere(store, earlier[-1].version, serving.version):
        return None
    return earlier[-1].model_id


def _pushed_elsewhere(store: ModelStore, after: int, before: int) -> bool:
    """Whether a version between is none of this metadata store, and no rollback."""
    for version in store.versions():
        if after < version < before:
            try:
                if store.manifest(version).rollback_of is None:
                    return True
            except PipelineError:
                return True
    return False
