"""What is litter, and what only looks like it."""

from pathlib import Path

import pytest

from components.litter import is_litter, without_litter


@pytest.mark.parametrize(
    "name",
    [
        *(".DS_Store", "._a.png", "._", "__MACOSX", "Thumbs.db", "thumbs.db"),
        *("ehthumbs.db", "desktop.ini", "Desktop.ini", ".ipynb_checkpoints"),
        *("Icon\r", ".Trash-1000", ".nfs000000000123abcd", "lost+found", "@eaDir"),
        *("$RECYCLE.BIN", "System Volume Information", "__pycache__"),
    ],
)
def test_litter_is_told_by_its_name(name: str) -> None:
    assert is_litter(name)


@pytest.mark.parametrize(
    "name",
    [
        *("saved_model.pb", "variables.index", "a.png", "_.png", ".hidden", ".png"),
        *("a._b", "thumbs.db.png", "my.DS_Store", "desktop.ini.pb", "Icon", ".nfs"),
    ],
)
def test_a_real_file_is_none(name: str) -> None:
    assert not is_litter(name)


def test_other_paths_come_sorted() -> None:
    paths = [Path("b/c"), Path("b/._a"), Path("b/a"), Path("b/Thumbs.db")]
    assert without_litter(paths) == [Path("b/a"), Path("b/c")]
