"""Walks folders of foreign data so that nothing is dropped in silence.

Links to folders are followed, each folder is read once, litter is counted, and what
cannot be read is named.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from components.litter import is_litter
from pipeline.datasets.findings import Findings


class Walker:
    """Reads folders of one source, none of them twice."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._read: dict[str, Path] = {}

    def entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Returns the folders and the files in a folder, each sorted by name.

        Hidden folders are left out. What is neither, like a link to nothing, and a
        folder that cannot be read or was read already is noted as bad.
        """
        folders: list[Path] = []
        files: list[Path] = []
        for path in self._list(folder):
            if is_litter(path.name):
                self._findings.litter += 1
            elif path.is_dir():
                if path.name.startswith("."):
                    self._findings.left_out.add(path)
                    continue
                self._findings.links += path.is_symlink()
                folders.append(path)
            elif path.is_file():
                files.append(path)
            else:
                what = "a link to nothing" if path.is_symlink() else "neither"
                self._findings.add_bad(
                    path, f"expected a file or folder, received {what}"
                )
        return folders, files

    def files_below(self, folder: Path) -> Iterator[Path]:
        """Yields the files in a folder, then those in its folders, at any depth."""
        folders, files = self.entries(folder)
        yield from files
        for one in folders:
            yield from self.files_below(one)

    def _list(self, folder: Path) -> list[Path]:
        real = os.path.realpath(folder)
        before = self._read.setdefault(real, folder)
        if before != folder:
            self._findings.add_bad(
                folder, f"expected each folder once, received {before} again"
            )
            return []
        try:
            return sorted(folder.iterdir())
        except OSError as error:
            self._findings.add_bad(
                folder,
                f"expected a folder that can be read, received: {error.strerror}",
            )
            return []
