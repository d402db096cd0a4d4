"""dataset.json: what a data folder holds, beside its splits, to verify it later."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.errors import DatasetError

MANIFEST_NAME = "dataset.json"


@dataclass(frozen=True)
class ShardEntry:
    """What one file must hold."""

    records: int
    sha256: str


def write_manifest(
    folder: Path, shards: dict[str, ShardEntry], conversion: Mapping[str, Any]
) -> None:
    """Writes dataset.json.

    Args:
        folder: of the data set.
        shards: by path relative to the folder.
        conversion: what was changed on the way from the source; not written if empty.
    """
    content: dict[str, Any] = {
        "files": {name: asdict(entry) for name, entry in shards.items()}
    }
    if conversion:
        content["conversion"] = dict(conversion)
    (folder / MANIFEST_NAME).write_text(
        json.dumps(content, indent=2) + "\n", encoding="utf-8"
    )


def read_manifest(folder: Path) -> dict[str, ShardEntry] | None:
    """The entries by relative path, or None if the folder has no dataset.json.

    Raises:
        DatasetError: the file is not what :func:`write_manifest` writes.
    """
    files = _read(folder)
    return files and files[0]


def read_conversion(folder: Path) -> dict[str, Any]:
    """What was changed on the way from the source; empty where nothing says so.

    Raises:
        DatasetError: as :func:`read_manifest`.
    """
    content = _read(folder)
    return content[1] if content else {}


def _read(folder: Path) -> tuple[dict[str, ShardEntry], dict[str, Any]] | None:
    path = folder / MANIFEST_NAME
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        files = content["files"].items()
        entries = {name: ShardEntry(**entry) for name, entry in files}
        return entries, dict(content.get("conversion", {}))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f'{path}: expected {{"files": {{name: {{"records", "sha256"}}}}}}, '
            f"received something else ({error}). Fetch it again, or delete it to "
            "verify without checksums."
        ) from error
