"""Files that operating systems and tools leave in any folder: no part of its content.

The model store, ExampleGen and the readers of data pass over them alike.
"""

import re
from collections.abc import Iterable
from pathlib import Path

_LITTER = re.compile(
    r"""
      \._.*                                 # macOS, on a disk that is not its own
    | \.DS_Store | __MACOSX | \.AppleDouble | \.localized | Icon\r
    | \.Spotlight-V100 | \.Trashes | \.fseventsd | \.TemporaryItems
    | (eh)?thumbs(_vista)?\.db | desktop\.ini                           # Windows
    | \$RECYCLE\.BIN | System\ Volume\ Information
    | \.directory | \.Trash-\d+ | lost\+found | \.nfs[0-9a-f]{8,}       # Linux
    | \.ipynb_checkpoints | __pycache__
    | @eaDir | \.@__thumb                                               # NAS boxes
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def is_litter(name: str) -> bool:
    """Says by its name whether a file or folder is litter.

    Args:
      name: the last part of its path.
    """
    return _LITTER.fullmatch(name) is not None


def without_litter(paths: Iterable[Path]) -> list[Path]:
    """Returns the other paths, sorted."""
    return sorted(path for path in paths if not is_litter(path.name))
