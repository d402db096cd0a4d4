"""The folder of published models: ``<base>/<version>/``, polled by model servers.

A version appears whole or not at all, and its number is above all before it. The
Pusher publishes here; ``mnist-pipeline models`` lists, verifies, rolls back, prunes.
"""

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs
from filelock import FileLock, Timeout

from components.durable import (
    copy_files,
    explain_os_errors,
    files_below,
    sync,
    sync_folders,
    write_text,
)
from components.errors import PipelineError, UsageError
from components.publishing.manifest import (
    MANIFEST_FILE,
    Manifest,
    compare,
    differences,
    digests,
    facts_of,
    new_manifest,
    read_manifest,
    require_whole,
    to_json,
)

SAVED_MODEL = "saved_model.pb"
# A server looks for names that are numbers, so it leaves all of these alone.
_INCOMING = ".incoming-"
_REMOVED = ".removed-"
_LOCK = ".lock"
_LAST_VERSION = ".last-version"
_VERSION = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
# TensorFlow Serving reads a version as a signed 64-bit integer.
_MAX_VERSION = 2**63 - 1


@attrs.frozen
class ModelStore:
    """The versions in one folder.

    Attributes:
      base: holds one folder a version.
      lock_seconds: how long to wait for another process that changes the store.
    """

    base: Path = attrs.field(converter=Path)
    lock_seconds: float = 600.0

    def versions(self) -> list[int]:
        """Returns the number of every version, oldest first; the last one serves."""
        return sorted(int(p.name) for p in self._numbered() if _is_folder(p))

    def published(self) -> list[int]:
        """Returns ``versions``.

        Raises:
          UsageError: there is none.
        """
        if not (versions := self.versions()):
            raise UsageError(
                f"Expected a published model in {self.base}. Received: none. "
                "'mnist-pipeline run' pushes one; --workspace names another place."
            )
        return versions

    def path(self, version: int) -> Path:
        """Returns the folder of a version."""
        return self.base / str(version)

    def manifest(self, version: int) -> Manifest:
        """Returns what a version holds, checked.

        Raises:
          UsageError: there is no such version.
          PipelineError: its manifest is missing, damaged or of another version.
        """
        known = self.versions()
        if version not in known:
            raise UsageError(
                f"Expected a version in {self.base}. Received: {version}. "
                f"Versions there: {', '.join(map(str, known)) or 'none'}."
            )
        return read_manifest(self.path(version))

    def verify(self, version: int) -> dict[str, str]:
        """Recomputes the digests of a version.

        Returns:
          Path of a file to ``missing``, ``changed`` or ``added``; empty when all
          files are as published.

        Raises:
          UsageError: there is no such version.
          PipelineError: its manifest cannot be believed, or a file not be read.
        """
        manifest = self.manifest(version)
        with self._explained("read the files"):
            return compare(self.path(version), manifest)

    def require_whole(self, version: int) -> None:
        """Refuses a version whose files are not as published, with a way out.

        Raises:
          UsageError: there is no such version.
          PipelineError: its manifest cannot be believed, a file not be read, or not
            all are as published.
        """
        changes = self.verify(version)
        if changes:
            require_whole(self.path(version), changes, self._way_out(version))

    def size(self, version: int) -> int:
        """Returns the bytes in the files of a version.

        Raises:
          PipelineError: a folder cannot be read.
        """
        folder = self.path(version)
        with self._explained("read the files"):
            files = [folder / path for path, _ in files_below(folder)]
            return sum(file.lstat().st_size for file in files)

    def publish(
        self, source: str | Path, facts: Mapping[str, Any], above: int = 0
    ) -> int:
        """Publishes a SavedModel, unless the newest version is the same already.

        A Pusher that is killed when the version is there, and its success not yet
        written down, runs again with the same model and the same facts.

        Args:
          source: folder of the SavedModel; a ``manifest.json`` in it is left out.
          facts: all that ``manifest.json`` says, as JSON values, but for
            ``version``, ``time`` and ``files``. The same version may have another
            ``run_id`` and ``commit``.
          above: a version that was used, though nothing here may tell any more.

        Returns:
          The version, new or found.

        Raises:
          PipelineError: nothing was published and no version was touched.
        """
        with self._explained("publish a model"), self._locked():
            found = self._find_newest(Path(source), facts)
            if found is None:
                return self._publish(Path(source), facts, above=above)
            # It may have been killed before this.
            sync(self.base)
            return found

    def rollback(self, version: int | None = None) -> int:
        """Publishes a copy of an older version as the newest, so that it serves.

        Args:
          version: the older one; the one before the newest unless given.

        Returns:
          The new version.

        Raises:
          UsageError: there is no such version, or it serves already.
          PipelineError: its files are not as published, or it could not be copied.
        """
        self._require_older(version)
        with self._explained("publish a model"), self._locked():
            version = self._require_older(version)
            manifest, folder = self.manifest(version), self.path(version)
            self.require_whole(version)
            facts = {**facts_of(manifest), "rollback_of": version}
            return self._publish(folder, facts, expected=manifest.files)

    def prunable(self, keep: int) -> list[int]:
        """Returns all but the newest versions, oldest first.

        What has no manifest of its own is neither counted nor named.

        Args:
          keep: how many are kept, at least 1, because the newest serves.

        Raises:
          UsageError: ``keep`` is below 1.
        """
        if keep < 1:
            raise UsageError(
                "Expected to keep at least 1 version, because the newest serves. "
                f"Received: {keep}."
            )
        return [v for v in self.versions() if _is_published(self.path(v))][:-keep]

    def prune(self, keep: int) -> list[int]:
        """Removes the versions that ``prunable`` names, each in one step for a reader.

        Returns:
          The versions removed, oldest first.

        Raises:
          UsageError: ``keep`` is below 1.
          PipelineError: a version could not be removed.
        """
        if not self.prunable(keep):
            return []
        with self._explained("remove versions"), self._locked():
            versions = self.prunable(keep)
            for version in versions:
                hidden = self.base / f"{_REMOVED}{version}"
                self.path(version).rename(hidden)
                shutil.rmtree(hidden)
            sync(self.base)
            return versions

    def _explained(self, action: str) -> AbstractContextManager[None]:
        return explain_os_errors(
            f"{action} in {self.base}",
            "The version that serves is untouched. Free room, for example with "
            "'mnist-pipeline models prune --keep N', or correct what is said, then try "
            "again.",
        )

    def _way_out(self, damaged: int) -> str:
        """Returns what to do about a damaged version, given the other ones."""
        *older, serving = self.versions()
        if damaged != serving:
            return f"Restore them, or leave it so: version {serving} serves."
        whole = [version for version in older if self._is_whole(version)]
        other = (
            f", or go back with 'mnist-pipeline models rollback {whole[-1]}'"
            if whole
            else ""
        )
        return (
            "Restore them, run 'mnist-pipeline run' again, which publishes anew"
            f"{other}."
        )

    def _is_whole(self, version: int) -> bool:
        try:
            return not self.verify(version)
        except PipelineError:
            return False

    def _publish(
        self,
        source: Path,
        facts: Mapping[str, Any],
        expected: Mapping[str, str] | None = None,
        above: int = 0,
    ) -> int:
        """Copies beside, forces to disk, renames; ``expected`` maps path → SHA-256."""
        _require_saved_model(source)
        version = self._next_version(above)
        incoming = self.base / f"{_INCOMING}{version}"
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        try:
            files = copy_files(source, incoming, leave_out=MANIFEST_FILE)
            if expected is not None:
                changes = differences(expected, files)
                require_whole(source, changes, "Try again.")
            own = {"version": version, "time": now, "files": files}
            manifest = new_manifest({**facts, **own})
            write_text(incoming / MANIFEST_FILE, to_json(manifest))
            sync_folders(incoming)
            self._note_version(version)
            incoming.rename(self.path(version))
            sync(self.base)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        return version

    def _find_newest(self, source: Path, facts: Mapping[str, Any]) -> int | None:
        """Returns the newest version where it is whole and made of just these."""
        _require_saved_model(source)
        for version in self.versions()[-1:]:
            folder = self.path(version)
            if not _is_published(folder):
                return None
            manifest = read_manifest(folder)
            own = {
                "version": version,
                "time": manifest.time.isoformat(),
                "run_id": manifest.run_id,
                "commit": manifest.commit,
                "files": digests(source),
            }
            wanted = new_manifest({**facts, **own})
            if manifest == wanted and not compare(folder, manifest):
                return version
        return None

    def _next_version(self, above: int) -> int:
        there = (int(path.name) for path in self._numbered())
        last = max([above, self._last_version(), *there])
        version = max(int(time.time()), last + 1)
        if version > _MAX_VERSION:
            raise PipelineError(
                f"Expected room above the versions in {self.base}. Received: version "
                f"{last}, the largest that a server reads. Remove it."
            )
        return version

    def _last_version(self) -> int:
        """Returns the highest version ever used, there or not; 0 for none."""
        file = self.base / _LAST_VERSION
        if not file.exists():
            return 0
        text = file.read_text(encoding="utf-8", errors="replace").strip()
        if not _VERSION.fullmatch(text):
            raise PipelineError(
                f"Expected {file} to hold the highest version ever used. "
                f"Received: {text[:40]!r}. Write that version into it."
            )
        return int(text)

    def _note_version(self, version: int) -> None:
        fresh = self.base / f"{_INCOMING}last-version"
        write_text(fresh, f"{version}\n")
        fresh.replace(self.base / _LAST_VERSION)

    def _numbered(self) -> Iterator[Path]:
        """Yields whatever has the name of a version."""
        for path in self.base.iterdir() if self.base.is_dir() else ():
            if _VERSION.fullmatch(path.name) and int(path.name) <= _MAX_VERSION:
                yield path

    def _require_older(self, version: int | None) -> int:
        """Returns the version to go back to, checked to be there and not to serve."""
        known = self.versions()
        if version is None and len(known) > 1:
            return known[-2]
        if version is None or [version] == known[-1:]:
            raise UsageError(
                f"Expected a version older than the one that serves from {self.base}. "
                f"Received: {version or 'none'}. Versions there: "
                f"{', '.join(map(str, known)) or 'none'}."
            )
        self.manifest(version)
        return version

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Has the store alone, cleared of what a killed process left behind."""
        self.base.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.base / _LOCK, timeout=self.lock_seconds):
                for prefix in (_INCOMING, _REMOVED):
                    for left in self.base.glob(f"{prefix}*"):
                        shutil.rmtree(left) if _is_folder(left) else left.unlink()
                yield
        except Timeout as error:
            raise PipelineError(
                f"Expected to have {self.base} alone within {self.lock_seconds:g} s. "
                "Received: another process still holds it. Try again when it is done."
            ) from error


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_published(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except PipelineError:
        return False
    return True


def _require_saved_model(source: Path) -> None:
    files = dict(files_below(source))
    odd = [path for path, regular in files.items() if not regular]
    if odd or SAVED_MODEL not in files:
        received = f"{odd[0]!r}, a link or no file" if odd else "none"
        raise PipelineError(
            f"Expected a SavedModel of plain files, with {SAVED_MODEL}, in {source}. "
            f"Received: {received}. Export the model again."
        )
