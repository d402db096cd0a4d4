"""Folders whose names libraries take for patterns, read and written all the same."""

import tempfile
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.types.standard_artifacts import Examples

from components.examples import matching_files, read_examples
from components.image_spec import MNIST
from components.plain_paths import may_be_a_pattern, plain_path, plain_uris

NAMES = ["a [1]", "[ab]", "50*", "why?", "back\\slash", "{a,b} #2 %41 'q' \"d\" é日本"]


@pytest.mark.parametrize("name", [*NAMES, "plain", "deep/" * 40])
def test_files_are_matched_inside_a_folder(tmp_path, tiny_examples, name) -> None:
    folder = tmp_path / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(tiny_examples)
    # Were the folder a pattern, these would match "a [1]" or "50*" instead.
    for other in ("a 1", "a", "500"):
        (tmp_path / other).mkdir(exist_ok=True)
        (tmp_path / other / "train-0").touch()

    files = matching_files([f"{folder}/*"])
    assert [Path(file).parent for file in files] == [folder, folder]
    assert len(read_examples(MNIST, [f"{folder}/*.tfrecord.gz"])[1]) == 20


def test_pattern_of_names_and_name_with_brackets(tmp_path) -> None:
    for name in ("train[1].gz", "train1.gz", "val.gz"):
        (tmp_path / name).touch()
    named = {
        pattern: [Path(file).name for file in matching_files([f"{tmp_path}/{pattern}"])]
        for pattern in ("train*", "train[1].gz", "v?l.gz", "none*")
    }
    assert named == {
        "train*": ["train1.gz", "train[1].gz"],
        "train[1].gz": ["train1.gz", "train[1].gz"],
        "v?l.gz": ["val.gz"],
        "none*": [],
    }
    assert matching_files([f"{tmp_path}/no such folder/*"]) == ()


def test_files_of_the_working_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.gz").touch()
    assert matching_files(["*.gz"]) == ("one.gz",)


@pytest.mark.parametrize("name", NAMES)
def test_saved_model_loads_from_any_folder(tmp_path, name) -> None:
    module = tf.Module()
    module.weight = tf.Variable(7.0)
    folder = tmp_path / name / "model"
    tf.saved_model.save(module, str(folder))

    with plain_path(folder) as path:
        assert not may_be_a_pattern(path)
        loaded = tf.saved_model.load(path)
    assert loaded.weight.numpy() == 7.0


def test_plain_folder_is_named_as_it_is(tmp_path) -> None:
    with plain_path(tmp_path / "a #2 %41") as path:
        assert path == str(tmp_path / "a #2 %41")


def test_link_is_gone_afterwards_and_the_folder_is_not(tmp_path) -> None:
    folder = tmp_path / "a [1]"
    folder.mkdir()
    with plain_path(folder) as path:
        Path(path, "written").touch()
    assert not Path(path).exists()
    assert [file.name for file in folder.iterdir()] == ["written"]


def test_temporary_folder_with_brackets_does_not_matter(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "[1]"))
    with plain_path(tmp_path / "a*") as path:
        assert not may_be_a_pattern(path)


def test_uris_of_artifacts_are_put_back(tmp_path) -> None:
    odd, plain = Examples(), Examples()
    odd.uri, plain.uri = str(tmp_path / "a [1]"), str(tmp_path / "b")
    with plain_uris({"odd": [odd]}, {"plain": [plain]}):
        assert not may_be_a_pattern(odd.uri)
        assert plain.uri == str(tmp_path / "b")
    assert odd.uri == str(tmp_path / "a [1]")
