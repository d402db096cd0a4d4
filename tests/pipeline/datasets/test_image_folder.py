"""A folder of pictures a class: what is read, in which order, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.errors import DatasetError
from pipeline.datasets.image_folder import read_source

NAMES = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibex", "jay"]


def draw(path: Path, value: int, size: int = 28) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (size, size), value).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures of each class; both are as bright as 10 times the label says."""
    for label, name in enumerate(NAMES):
        draw(tmp_path / "pets" / name / "b.png", 10 * label)
        draw(tmp_path / "pets" / name / "a.JPG", 10 * label, size=60)
    return tmp_path / "pets"


def test_classes_are_the_folders_sorted(folder: Path) -> None:
    source = read_source(folder)

    assert source.classes == tuple(NAMES)
    assert list(source.splits) == ["train"]
    assert source.splits["train"].count == 20
    examples = list(source.splits["train"].examples)
    assert [label for _, label in examples] == [i // 2 for i in range(20)]
    assert all((pixels == 10 * label).all() for pixels, label in examples)
    assert examples[0][0].shape == (784,)
    assert source.ordered


def test_a_list_gives_the_order_of_the_labels(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text(str(NAMES[::-1]).replace("'", '"'))
    source = read_source(folder, file)

    assert source.classes == tuple(NAMES[::-1])
    labels = [
        int(pixels[0]) // 10 + label
        for pixels, label in source.splits["train"].examples
    ]
    assert labels == [9] * 20


def test_splits_are_folders_too(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    folder.rename(root / "train")
    for name in NAMES:
        draw(root / "Validation" / name / "deep" / "c.png", 5)
    source = read_source(root)

    assert {name: split.count for name, split in source.splits.items()} == {
        "train": 20,
        "val": 10,
    }
    assert source.splits["val"].where == root / "Validation"


def test_other_files_are_left_out_and_listed(folder: Path) -> None:
    (folder / "cat" / "Thumbs.db").touch()
    (folder / ".git").mkdir()
    (folder / "README").touch()

    assert read_source(folder).left_out == (folder / "cat" / "Thumbs.db",)


def test_nine_classes_are_refused(folder: Path) -> None:
    for file in (folder / "fox").iterdir():
        file.unlink()
    (folder / "fox").rmdir()

    with pytest.raises(DatasetError) as caught:
        read_source(folder)
    assert "expected 10 folders, one for each class" in str(caught.value)
    assert "received 9: ant, bee, cat, dog, eel, gnu" in str(caught.value)


def test_a_class_without_a_picture_is_named(folder: Path) -> None:
    for file in (folder / "fox").iterdir():
        file.rename(file.with_suffix(".txt"))

    message = f"{folder}/fox: expected at least one image of the class fox"
    with pytest.raises(DatasetError, match=re.escape(message)):
        read_source(folder)


def test_a_folder_outside_the_list_is_named(folder: Path) -> None:
    names = str([*NAMES[:9], "yak"]).replace("'", '"')
    (folder / "classes.json").write_text(names)

    with pytest.raises(DatasetError, match=r"named like the classes .*received jay\."):
        read_source(folder)


def test_classes_beside_splits_are_refused(folder: Path) -> None:
    draw(folder / "train" / "ant" / "a.png", 1)

    with pytest.raises(DatasetError, match=r"named train, val, .* received ant, bee"):
        read_source(folder)


def test_an_unreadable_picture_is_named_when_it_is_reached(folder: Path) -> None:
    (folder / "bee" / "b.png").write_bytes(b"no picture")
    examples = read_source(folder).splits["train"].examples

    assert [next(examples)[1] for _ in range(3)] == [0, 0, 1]
    with pytest.raises(DatasetError) as caught:
        next(examples)
    assert str(caught.value) == (
        f"{folder}/bee/b.png: expected a picture (PNG, JPEG, WebP, BMP, GIF or TIFF), "
        "received a text file. Replace or remove it."
    )


@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_what_is_no_folder_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pets"
    if kind == "a file":
        path.touch()

    with pytest.raises(DatasetError, match=f"received {kind}.*Check --images"):
        read_source(path)


def test_pixels_are_uint8(folder: Path) -> None:
    pixels, _ = next(read_source(folder).splits["train"].examples)
    assert pixels.dtype == np.uint8
