"""A folder of pictures a class: what is read, in which order, and what is refused."""

import json
import os
import re
from collections.abc import Iterator
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


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("training", "testing"), {"train", "test"}),
        (("Train", "valid"), {"train", "val"}),
        (("train", "dev", "test"), {"train", "val", "test"}),
    ],
)
def test_splits_have_many_names(tmp_path: Path, names, splits) -> None:
    for split in names:
        for name in NAMES:
            draw(tmp_path / split / name / "a.png", 5)

    assert set(read_source(tmp_path).splits) == splits


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val", "validation"):
        draw(tmp_path / split / "ant" / "a.png", 5)

    with pytest.raises(DatasetError, match=r"one for each split.*val, validation\."):
        read_source(tmp_path)


def test_a_class_may_be_called_like_a_split(folder: Path) -> None:
    (folder / "gnu").rename(folder / "train")
    with pytest.raises(DatasetError, match="list all classes with --classes if"):
        read_source(folder)
    names = sorted({*NAMES, "train"} - {"gnu"})
    (folder / "classes.json").write_text(json.dumps(names))

    assert read_source(folder).splits["train"].count == 20


def test_litter_is_counted_and_other_files_are_named(folder: Path) -> None:
    for name in ("Thumbs.db", "._a.JPG", ".DS_Store"):
        (folder / "cat" / name).touch()
    (folder / "__MACOSX" / "cat").mkdir(parents=True)
    (folder / "__MACOSX" / "cat" / "._b.png").touch()
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".git").mkdir()
    (folder / "README").touch()
    (folder / "dog" / "notes.txt").touch()
    source = read_source(folder)

    assert source.splits["train"].count == 20
    assert source.classes == tuple(NAMES)
    assert source.findings.litter == 5
    left_out = [str(folder / name) for name in (".git", "README", "dog/notes.txt")]
    assert source.findings.left_out.first == left_out


def test_linked_folders_are_followed_once(folder: Path, tmp_path: Path) -> None:
    (folder / "cat").rename(tmp_path / "elsewhere")
    (folder / "cat").symlink_to(tmp_path / "elsewhere")
    (folder / "dog" / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "eel" / "loop").symlink_to(folder)
    source = read_source(folder)

    assert source.splits["train"].count == 20
    assert source.findings.links == 3
    with pytest.raises(DatasetError) as caught:
        source.findings.require_good()
    assert str(caught.value).splitlines()[1:-1] == [
        f"  {folder}/dog/more: expected each folder once, received {folder}/cat again",
        f"  {folder}/eel/loop: expected each folder once, received {folder} again",
    ]


@pytest.mark.parametrize("name", ["fox", "pets"])
def test_a_folder_that_cannot_be_read_is_named(folder: Path, name, monkeypatch) -> None:
    iterdir = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path.name == name:
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DatasetError) as caught:
        read_source(folder).findings.require_good()
    assert f"/{name}: expected a folder that can be read, received: Permission" in (
        str(caught.value)
    )


def test_what_is_neither_file_nor_folder_is_named(folder: Path) -> None:
    (folder / "ant" / "c.png").symlink_to("nowhere")
    os.mkfifo(folder / "bee" / "c.png")
    findings = read_source(folder).findings

    assert findings.bad.first == [
        f"{folder}/ant/c.png: expected a file or folder, received a link to nothing",
        f"{folder}/bee/c.png: expected a file or folder, received neither",
    ]


@pytest.mark.parametrize(
    ("name", "received"),
    [
        (b"caf\xe9", "bytes that are not UTF-8"),
        ("a\xa0b".encode(), "NO-BREAK SPACE"),
        ("a\u200bb".encode(), "ZERO WIDTH SPACE"),
        (b"a\tb", "control character 9"),
    ],
)
def test_a_name_that_no_class_can_have_is_refused(folder, name, received) -> None:
    (folder / "cat").rename(folder / os.fsdecode(name))

    with pytest.raises(DatasetError, match=f"{received}. Rename the folder") as caught:
        read_source(folder)
    assert str(caught.value).isprintable()


def test_colour_and_size_are_counted(folder: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(folder / "ant" / "c.webp")
    source = read_source(folder)

    assert len(list(source.splits["train"].examples)) == 21
    assert source.findings.colour == 1
    assert source.findings.sizes == {(60, 60): 10, (32, 32): 1}


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

    with pytest.raises(
        DatasetError, match=r"named like the 10 classes .*received jay\."
    ):
        read_source(folder)


def test_accents_may_be_written_as_macos_does(folder: Path) -> None:
    (folder / "cat").rename(folder / "cafe\u0301")
    names = ["caf\xe9" if name == "cat" else name for name in NAMES]
    (folder / "classes.json").write_text(json.dumps(names))

    assert len(list(read_source(folder).splits["train"].examples)) == 20


def test_classes_beside_splits_are_refused(folder: Path) -> None:
    draw(folder / "train" / "ant" / "a.png", 1)

    with pytest.raises(DatasetError, match=r"named train, .* received ant, bee"):
        read_source(folder)


def test_all_unreadable_pictures_are_named_and_passed_over(folder: Path) -> None:
    (folder / "bee" / "b.png").write_bytes(b"no picture")
    (folder / "jay" / "a.JPG").write_bytes(b"")
    source = read_source(folder)

    assert len(list(source.splits["train"].examples)) == 18
    expected = "expected a picture (PNG, JPEG, WebP, BMP, GIF or TIFF), received"
    with pytest.raises(DatasetError) as caught:
        source.findings.require_good()
    assert str(caught.value).splitlines()[1:-1] == [
        f"  {folder}/bee/b.png: {expected} a text file",
        f"  {folder}/jay/a.JPG: {expected} an empty file",
    ]


def test_26_classes_are_refused_with_what_is_supported(folder: Path) -> None:
    for letter in "abcdefghijklmnop":
        draw(folder / letter / "a.png", 1)

    with pytest.raises(DatasetError) as caught:
        read_source(folder)
    message = str(caught.value)
    assert "since exactly 10 classes are supported, received 26: a, ant, b" in message
    assert ", … and 6 more. Merge or leave out" in message


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
