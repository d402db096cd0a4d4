"""An artifact whose files were removed by hand is no longer whole."""

import shutil
from pathlib import Path

import pytest

from components.artifact_files import has_files, note_files


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    folder = tmp_path / "Trainer" / "model" / "7"
    (folder / "Format-Serving" / "assets").mkdir(parents=True)
    (folder / "Format-Serving" / "saved_model.pb").write_text("a graph")
    note_files(str(folder))
    return folder


def test_what_is_whole_has_its_files(artifact: Path) -> None:
    assert has_files(str(artifact))


def test_what_others_add_is_no_harm(artifact: Path) -> None:
    (artifact / ".DS_Store").touch()
    assert has_files(str(artifact))


@pytest.mark.parametrize(
    "damage",
    [
        shutil.rmtree,
        lambda folder: shutil.rmtree(folder / "Format-Serving"),
        lambda folder: (folder / "Format-Serving" / "saved_model.pb").unlink(),
        lambda folder: (folder / "Format-Serving" / "saved_model.pb").write_text("a"),
    ],
)
def test_what_lacks_one_is_not_whole(artifact: Path, damage) -> None:
    damage(artifact)
    assert not has_files(str(artifact))


def test_a_list_stays_as_it_was_first(artifact: Path) -> None:
    (artifact / "Format-Serving" / "saved_model.pb").unlink()
    note_files(str(artifact))
    assert not has_files(str(artifact))


def test_without_a_list_the_folder_is_enough(tmp_path: Path) -> None:
    folder = tmp_path / "Trainer" / "model" / "7"
    assert not has_files(str(folder))
    folder.mkdir(parents=True)
    assert has_files(str(folder))


def test_an_artifact_without_files_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "Pusher" / "pushed_model" / "9"
    folder.mkdir(parents=True)
    note_files(str(folder))
    assert has_files(str(folder))


def test_a_damaged_list_is_not_believed(artifact: Path) -> None:
    listed = artifact.parents[1] / ".system" / "files" / "7" / "model.json"
    listed.write_text("{")
    assert not has_files(str(artifact))


def test_a_value_is_the_file_in_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "DataSizes" / "sizes" / "7" / "value"
    file.parent.mkdir(parents=True)
    file.write_text("3")
    note_files(str(file))
    assert has_files(str(file))

    file.write_text("")
    assert not has_files(str(file))
    file.unlink()
    assert not has_files(str(file))
