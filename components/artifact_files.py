"""Whether the files of an artifact are all there still.

A list of them is kept beside what TFX keeps of the execution that made them; somebody
may remove some by hand, and neither a cache nor a resolver may hand out the rest.
"""

import contextlib
import json
from pathlib import Path

from components.durable import files_below, replace_text

# What TFX calls the file of a value artifact, like String.
_VALUE = "value"


def note_files(uri: str) -> None:
    """Lists the files of an artifact that is complete, unless they are listed.

    Args:
      uri: its folder, ``<node>/<output>/<execution>`` as TFX names it, or the file
        ``value`` in it of a value artifact.
    """
    folder = _folder(uri)
    listing = _list_file(folder)
    if not listing.exists():
        listing.parent.mkdir(parents=True, exist_ok=True)
        replace_text(listing, json.dumps(_sizes(folder)))


def has_files(uri: str) -> bool:
    """Says whether an artifact has its folder and, where they were listed, its files.

    Files are known by name and size; what others add, like a file manager, is no
    harm.
    """
    folder = _folder(uri)
    try:
        if not folder.is_dir():
            return False
        listed = json.loads(_list_file(folder).read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Made by TFX's own CLI, or by a run that was killed right after the node.
        return True
    except (OSError, ValueError):
        return False
    try:
        return _sizes(folder).items() >= listed.items()
    except OSError:
        return False


def forget_files(uri: str) -> None:
    """Removes the list of an artifact that is removed."""
    listing = _list_file(_folder(uri))
    listing.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        # Where it was the last one of its execution.
        listing.parent.rmdir()


def _folder(uri: str) -> Path:
    return Path(uri).parent if Path(uri).name == _VALUE else Path(uri)


def _list_file(folder: Path) -> Path:
    output, execution = folder.parts[-2:]
    system = folder.parent.parent / ".system"
    return system / "files" / execution / f"{output}.json"


def _sizes(folder: Path) -> dict[str, int]:
    return {
        path: (folder / path).lstat().st_size for path, _ in sorted(files_below(folder))
    }
