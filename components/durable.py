"""Files that survive a crash of the machine: written, then forced to disk.

The model store is built on these.
"""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from components.errors import PipelineError
from components.litter import is_litter

_CHUNK = 1 << 20
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
_DISK_FULL_WORDS = (
    os.strerror(errno.ENOSPC).lower(),
    os.strerror(errno.EDQUOT).lower(),
    "database or disk is full",
)


def files_below(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yields the path of each file below a folder, and whether it is a regular one.

    A link counts as a file that is not regular, wherever it leads. Litter, like macOS's
    ``.DS_Store``, is passed over.

    Raises:
      OSError: a folder cannot be read.
    """
    for root, folders, files in _walk(folder):
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        for name in [*files, *links]:
            path = Path(root) / name
            regular = stat.S_ISREG(path.lstat().st_mode)
            yield path.relative_to(folder).as_posix(), regular


def sha256(file: Path, copy: BinaryIO | None = None) -> str:
    """Returns the SHA-256 of a file, and writes what it reads to ``copy``, if any."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            if copy is not None:
                copy.write(chunk)
    return digest.hexdigest()


def copy_files(source: Path, target: Path, leave_out: str) -> dict[str, str]:
    """Copies a folder into a new one and forces each file to disk.

    Args:
      source: holds regular files and folders; its litter is left behind.
      target: is made; it must not exist.
      leave_out: path of a file not to copy.

    Returns:
      Path of each file to the SHA-256 of what was read from the source.
    """
    for root, _, _ in _walk(source):
        (target / Path(root).relative_to(source)).mkdir()
    digests = {}
    for path in sorted(path for path, _ in files_below(source)):
        if path == leave_out:
            continue
        with (target / path).open("xb") as stream:
            digests[path] = sha256(source / path, copy=stream)
            _sync_file(stream)
    return digests


def write_text(file: Path, text: str) -> None:
    """Writes a file and forces it to disk."""
    with file.open("wb") as stream:
        stream.write(text.encode())
        _sync_file(stream)


def replace_text(file: Path, text: str) -> None:
    """Puts a text in the place of a file in one step, so that no half is ever read.

    Processes that do so at once do not meet; the last one's text stays.
    """
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        write_text(fresh, text)
        fresh.replace(file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def sync_folders(folder: Path) -> None:
    """Forces the names in a folder and in each one below it to disk."""
    for root, _, _ in os.walk(folder, topdown=False, onerror=_raise):
        sync(Path(root))


def sync(path: Path) -> None:
    """Forces a file, or the names in a folder, to disk, where that knows how."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Network shares, like those of SMB, leave that to their server.
        if error.errno not in _NOT_SUPPORTED:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def explain_os_errors(action: str, advice: str) -> Iterator[None]:
    """Turns an error of the operating system into one to act on.

    Args:
      action: what is done within, and where, like ``publish a model in <folder>``.
      advice: what to do next, whole sentences.

    Raises:
      PipelineError: in place of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise PipelineError(
            f"Expected to {action}. Received: {error.strerror or error}{where}. "
            f"{advice}"
        ) from error


def is_disk_full(error: BaseException) -> bool:
    """Says whether a full disk is behind an error.

    Libraries wrap the error of the operating system or only quote it: TensorFlow,
    Beam and SQLite each in words of their own.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        if getattr(cause, "errno", None) in _DISK_FULL:
            return True
        if any(words in str(cause).lower() for words in _DISK_FULL_WORDS):
            return True
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return False


def full_disk_error(folder: Path) -> PipelineError:
    """Returns what to tell a person when the disk of a workspace is full.

    Libraries also write temporary files; the disk with less room is the one meant.
    """
    temporary = Path(tempfile.gettempdir())
    full = min(folder, temporary, key=lambda path: shutil.disk_usage(path).free)
    elsewhere = "with --workspace" if full == folder else "by TMPDIR"
    return PipelineError(
        f"Expected room on the disk of {full}. Received: no space left on it. "
        f"Published versions are untouched. Free some space there, or name another "
        f"folder {elsewhere}, then run again: what is finished stays finished."
    )


@contextmanager
def explain_full_disk(folder: Path) -> Iterator[None]:
    """Turns whatever a full disk makes libraries raise into one clear error.

    Args:
      folder: the one that is written to within.

    Raises:
      PipelineError: in place of an error that a full disk is behind.
    """
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise full_disk_error(folder) from error


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walks a folder like ``os.walk``, but past litter.

    Raises:
      OSError: a folder cannot be read.
    """
    for root, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not is_litter(name)]
        yield root, folders, [name for name in files if not is_litter(name)]


def _sync_file(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _raise(error: OSError) -> None:
    raise error
