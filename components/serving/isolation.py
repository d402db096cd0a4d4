"""What keeps a probe apart from all else: a copy of the export, another user, no home.

``check`` makes the copy, ``process`` the environment; the probe becomes the other user.
The original stays untouched, so that nothing is lost whenever a process is killed.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

# The export within the folder of the copy.
COPY = "export"
# Of nobody, who owns no file. macOS knows it by another number, which matters to none.
_NOBODY = 65534
# As Debian names nobody's.
_NO_HOME = "/nonexistent"
# What would lead to the home folder, or to files in it.
_HOMES = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")

_Files = dict[str, tuple[int, int]]


@attrs.frozen
class PrivateCopy:
    """A read-only copy of an export in a folder that one user alone can enter.

    Attributes:
      folder: holds ``COPY`` and nothing else.
      user: id of that user; None where it is the one of this process, since only root
        may hand files over.
    """

    folder: Path
    user: int | None
    _files: _Files

    def changed(self) -> list[str]:
        """Returns the files that were written, made or removed since, by name."""
        now = _list_files(self.folder)
        names = self._files.keys() | now.keys()
        return sorted(n for n in names if self._files.get(n) != now.get(n))


@contextlib.contextmanager
def private_copy(export: Path) -> Iterator[PrivateCopy]:
    """Copies an export to another folder, which is gone afterwards.

    Args:
      export: the SavedModel's folder.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Contents alone: what others may do with the original must not matter.
        shutil.copytree(export, folder / COPY, copy_function=shutil.copyfile)
        inside = [folder / COPY, *(folder / COPY).rglob("*")]
        for path in inside:
            path.chmod(0o555 if path.is_dir() else 0o444)
        folder.chmod(0o500)
        try:
            yield PrivateCopy(folder, _hand_over(folder), _list_files(folder))
        finally:
            for path in (folder, *inside):
                if path.is_dir():
                    path.chmod(0o700)


def _hand_over(folder: Path) -> int | None:
    if os.geteuid() != 0:
        return None
    try:
        os.chown(folder, _NOBODY, _NOBODY)
    except OSError:  # Root of a container may be root in name alone.
        return None
    return _NOBODY


def _list_files(folder: Path) -> _Files:
    """Returns size and time of change of whatever is in a folder, by path in it."""
    found = {path: path.stat() for path in folder.rglob("*")}
    return {
        path.relative_to(folder).as_posix(): (stat.st_size, stat.st_mtime_ns)
        for path, stat in found.items()
    }


def become(user: int | None) -> str:
    """Makes this process one of another user, for good.

    Args:
      user: id; None to stay the same.

    Returns:
      Who it is now, in words.
    """
    if user is not None:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            return f"as user {user}"
    return "as the same user, since only root can become another"


def homeless(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment without a home folder."""
    kept = {key: value for key, value in environ.items() if key not in _HOMES}
    return {**kept, "HOME": _NO_HOME}
