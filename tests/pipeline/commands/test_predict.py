"""``mnist-pipeline predict`` as a person calls it."""

import gzip
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from components.checkout import PROJECT_ROOT
from components.errors import PipelineError, UsageError
from components.publishing.store import ModelStore
from pipeline.commands import predict as module
from pipeline.commands.predict import predict

pytestmark = pytest.mark.slow

STEP = 25


def checkers(label: int) -> np.ndarray:
    """A picture, uint8 [28, 28], of that grey on average, which is not blank."""
    odd = np.indices((28, 28)).sum(axis=0) % 2
    return (np.maximum(STEP * label - 10, 0) + 20 * odd).astype(np.uint8)


def draw(path: Path, label: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(checkers(label)).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Ten squares of about one grey each, in folders and with names out of order."""
    folder = tmp_path / "pictures"
    for label in range(10):
        draw(folder / f"{9 - label}" / f"{label}.png", label)
    return folder


def call(workspace: Path, *arguments: object) -> Result:
    given = [str(a) for a in arguments]
    return CliRunner().invoke(predict, [*given, "--workspace", str(workspace)])


def answers(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_folder_is_classified_in_the_order_of_its_paths(grey_workspace, pictures):
    result = call(grey_workspace, pictures, "--json")
    assert result.exit_code == 0, result.output
    found = answers(result)
    assert [a["image"] for a in found] == sorted(map(str, pictures.rglob("*.png")))
    assert [a["class_id"] for a in found] == list(range(9, -1, -1))
    assert [a["class"] for a in found] == [f"grey {i}" for i in range(9, -1, -1)]


def test_an_answer_has_its_likeliest_classes(grey_workspace, pictures):
    [answer] = answers(call(grey_workspace, pictures / "5" / "4.png", "--json"))
    logits = -4.0 * np.square(np.arange(10) - 4.0)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert answer.pop("top") == [
        {
            "class_id": label,
            "class": f"grey {label}",
            "probability": pytest.approx(expected[label], rel=1e-5),
        }
        for label in (4, 3, 5)
    ]
    assert answer.pop("probability") == pytest.approx(expected[4])
    assert answer == {
        "image": str(pictures / "5" / "4.png"),
        "class_id": 4,
        "class": "grey 4",
        "state": "read",
        "unsure": None,
        "why": None,
        "dark": False,
        "box": None,
        "note": "as it is",
    }


def test_batches_join_without_a_seam(grey_workspace, pictures, monkeypatch):
    whole = call(grey_workspace, pictures, "--json").stdout
    monkeypatch.setattr(module, "BATCH_SIZE", 3)
    assert call(grey_workspace, pictures, "--json").stdout == whole


def test_a_table_is_aligned(grey_workspace, pictures):
    result = call(grey_workspace, pictures, "--top", 2)
    heading, *rows = result.stdout.splitlines()
    assert heading.split() == [
        *("image", "class", "%", "others,", "%;", "what", "was", "done")
    ]
    column = heading.index("class")
    assert [row[column : column + 6] for row in rows] == [
        f"grey {i}" for i in range(9, -1, -1)
    ]
    assert [row.split()[0] for row in rows] == [
        str(pictures / f"{9 - i}" / f"{i}.png") for i in range(9, -1, -1)
    ]
    assert rows[0].split()[1:] == [
        *("grey", "9", "98.20", "grey", "8", "1.80;", "as", "it", "is")
    ]
    assert "10 images, version" in result.stderr


def test_another_version_has_its_own_names(grey_workspace, pictures):
    first, newest = ModelStore(grey_workspace / "serving" / "mnist").versions()
    picture = pictures / "6" / "3.png"
    for version, name in ((first, "3"), (newest, "grey 3")):
        result = call(grey_workspace, picture, "--model", version, "--json")
        assert answers(result)[0]["class"] == name


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_file_is_classified(grey_workspace, tmp_path, suffix):
    pixels = b"".join(checkers(label).tobytes() for label in (7, 2))
    content = struct.pack(">4I", 0x803, 2, 28, 28) + pixels
    file = tmp_path / f"images{suffix}"
    file.write_bytes(gzip.compress(content) if suffix else content)
    found = answers(call(grey_workspace, file, "--json"))
    assert [(a["image"], a["class_id"]) for a in found] == [
        (f"{file}[0]", 7),
        (f"{file}[1]", 2),
    ]


def test_what_cannot_be_read_is_named_counted_and_passed(grey_workspace, tmp_path):
    good = draw(tmp_path / "p" / "b.png", 3)
    for name in ("a.png", "c\n\x1b[31m.jpg"):
        (tmp_path / "p" / name).write_text("no picture")
    cut = tmp_path / "images-idx3-ubyte"
    cut.write_bytes(struct.pack(">4I", 0x803, 2, 28, 28) + bytes(800))
    arguments = (tmp_path / "p", tmp_path / "gone.png", cut)

    result = call(grey_workspace, *arguments, "--json")
    assert isinstance(result.exception, PipelineError)
    assert result.exception.exit_code == 1
    message = str(result.exception)
    assert message.startswith(
        "Expected pictures that can be read. Received: 3 of 4 that cannot: "
        f"{tmp_path}/p/a.png, {tmp_path}/p/c\\n\\x1b[31m.jpg, "
    )
    assert message.endswith(
        f"; 1 that do not exist: {tmp_path}/gone.png. "
        "The lines above say why; the others were classified."
    )
    assert "4 images, version" in result.stderr
    found = answers(result)
    assert [a.get("class_id") for a in found] == [None, 3, None, None, None]
    assert found[1]["image"] == str(good)
    expected = "expected a picture (PNG, JPEG, WebP, BMP, GIF or TIFF), received"
    assert found[0]["image"] == f"{tmp_path}/p/a.png"
    assert found[0]["error"].startswith(expected)
    assert found[3] == {
        "image": f"{tmp_path}/gone.png",
        "error": "expected a file or a folder, received a path where there is none",
    }
    assert found[4]["error"].startswith("truncated, expected 2 items")

    lines = call(grey_workspace, *arguments).stdout.splitlines()
    assert len(lines) == 6
    name, said = lines[3].split(maxsplit=1)
    assert name == f"{tmp_path}/p/c\\n\\x1b[31m.jpg"
    assert said.startswith(expected)


def test_a_path_that_does_not_exist_is_no_picture(grey_workspace, tmp_path):
    result = call(grey_workspace, tmp_path / "gone.png")
    assert str(result.exception) == (
        "Expected pictures that can be read. Received: 1 that do not exist: "
        f"{tmp_path}/gone.png. The lines above say why."
    )
    assert "0 images, version" in result.stderr


def photo(path: Path) -> Path:
    """A square of 12×12, dark on grey paper."""
    pixels = np.full((28, 28), 200, np.uint8)
    pixels[8:20, 8:20] = 20
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize(
    ("arguments", "dark", "label"),
    [
        ((), True, 2),
        (("--invert", "auto"), True, 2),
        (("--invert", "yes"), True, 2),
        (("--invert=no",), False, 7),
    ],
)
def test_dark_on_bright_is_turned_unless_told_otherwise(
    grey_workspace, tmp_path, arguments, dark, label
):
    result = call(grey_workspace, photo(tmp_path / "photo.png"), "--json", *arguments)
    [answer] = answers(result)
    # Turned, 144 of 784 pixels are 255, the others 0: a mean of 47. As it is, 167.
    assert (answer["class_id"], answer["dark"]) == (label, dark)
    note = "as it is, dark on bright turned" if dark else "as it is"
    assert answer["note"] == note


@pytest.mark.parametrize("place", ["before", "after"])
def test_invert_alone_says_yes_wherever_it_stands(grey_workspace, pictures, place):
    picture = pictures / "5" / "4.png"
    given = ["--invert", picture] if place == "before" else [picture, "--invert"]
    [answer] = answers(call(grey_workspace, *given, "--json"))
    assert answer["dark"]


def test_a_blank_picture_has_no_class(grey_workspace, tmp_path):
    for name, grey, size in (("white", 255, 60), ("black", 0, 28), ("few", 90, 5)):
        Image.new("L", (size, size), grey).save(tmp_path / f"{name}.png")
    result = call(grey_workspace, tmp_path, "--json", "--fit", "ink")
    assert result.exit_code == 0
    assert [(a["state"], a.get("class"), a["note"]) for a in answers(result)] == [
        ("blank", None, "no ink found"),
        ("too small", None, "too few pixels to tell"),
        ("blank", None, "no ink found"),
    ]
    plot = tmp_path.parent / "plot.png"
    rows = call(grey_workspace, tmp_path, "--plot", plot).stdout.splitlines()
    assert rows[1].split()[1:] == ["blank", "no", "ink", "found"]


def test_ink_is_cropped_and_a_page_fitted_as_asked(grey_workspace, tmp_path):
    page = np.full((200, 300), 210, np.uint8)
    page[40:140, 30:50] = 30
    Image.fromarray(page).save(tmp_path / "page.png")
    for fit, note, box in (
        ("ink", "dark ink of ", [30, 40, 50, 140]),
        ("page", "whole page", None),
    ):
        result = call(grey_workspace, tmp_path / "page.png", "--json", "--fit", fit)
        [answer] = answers(result)
        assert answer["note"].startswith(note)
        assert box is None or np.abs(np.subtract(answer["box"], box)).max() <= 3
        assert (answer["box"] is None) == (box is None)


def test_files_of_other_kinds_in_a_folder_are_counted(grey_workspace, pictures):
    for name in ("a.txt", "b.TXT", "c.pdf", "Makefile", ".DS_Store", "._0.png"):
        (pictures / name).touch()
    result = call(grey_workspace, pictures)
    assert result.exit_code == 0
    assert "Passed over in the folders: 2 .txt, 1 .pdf, 1 no suffix." in result.stderr


def test_a_version_without_a_measure_of_trust_says_so(grey_workspace, pictures):
    result = call(grey_workspace, pictures / "5" / "4.png")
    assert "was pushed without a measure of what to trust" in result.stderr


def test_too_many_names_are_counted(grey_workspace, tmp_path):
    for index in range(7):
        (tmp_path / f"{index}.png").touch()
    result = call(grey_workspace, *sorted(tmp_path.glob("*.png")))
    assert f"{tmp_path}/4.png, … and 2 more. The lines" in str(result.exception)


def test_a_plot_shows_the_first_pictures(grey_workspace, pictures, tmp_path):
    plot = tmp_path / "plot.png"
    result = call(grey_workspace, pictures, "--plot", plot)
    assert f"{plot} shows 10 of 10 pictures." in result.stderr.splitlines()
    with Image.open(plot) as image:
        assert image.format == "PNG"
        # Three rows of four cells, 4.8 by 1.6 inches of 120 dots.
        assert image.size == (4 * 576, 3 * 192)
        found = image.convert("RGB").getcolors(maxcolors=image.width * image.height)
    colours = {colour for _, colour in found}
    assert (0x3B, 0x6F, 0xB6) in colours
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize("name", ["plot.svg", "nowhere/plot.png"])
def test_a_plot_that_cannot_be_written_is_refused_first(
    grey_workspace, pictures, tmp_path, name
):
    result = call(grey_workspace, pictures, "--plot", tmp_path / name)
    assert isinstance(result.exception, UsageError)
    assert "Expected --plot to name a .png file" in str(result.exception)
    assert result.stdout == ""


def test_a_plot_never_replaces_a_picture(grey_workspace, pictures):
    picture = pictures / "5" / "4.png"
    before = picture.read_bytes()
    for given in (picture, pictures):
        result = call(grey_workspace, given, "--plot", picture)
        assert isinstance(result.exception, UsageError)
        assert "none of the pictures" in str(result.exception)
    assert picture.read_bytes() == before


def test_no_picture_at_all_is_a_usage_error(grey_workspace):
    result = call(grey_workspace)
    assert result.exit_code == 2
    assert "Missing argument 'IMAGE|DIR...'" in result.stderr


def test_a_folder_without_pictures_is_a_usage_error(grey_workspace, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").touch()
    result = call(grey_workspace, tmp_path / "empty")
    assert isinstance(result.exception, UsageError)
    expected = f"Received: {tmp_path}/empty, with none but 1 .txt."
    assert expected in str(result.exception)


def test_without_a_model_there_is_no_answer(tmp_path, pictures):
    result = call(tmp_path / "fresh", pictures)
    assert isinstance(result.exception, UsageError)
    assert "'mnist-pipeline run' pushes one" in str(result.exception)


def test_an_unknown_version_is_a_usage_error(grey_workspace, pictures):
    result = call(grey_workspace, pictures, "--model", 5)
    assert isinstance(result.exception, UsageError)
    assert "Received: 5. Versions there: " in str(result.exception)


def test_a_changed_model_is_not_asked(grey_workspace, pictures):
    store = ModelStore(grey_workspace / "serving" / "mnist")
    folder = store.path(store.versions()[-1])
    with (folder / "saved_model.pb").open("ab") as file:
        file.write(b"\0")
    result = call(grey_workspace, pictures)
    assert isinstance(result.exception, PipelineError)
    assert "'saved_model.pb' changed" in str(result.exception)
    assert result.stdout == ""


def test_tfx_is_not_imported(grey_workspace, pictures):
    code = (
        "import sys; from pipeline.commands.predict import predict; "
        "predict(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'tfx', 'tfx_bsl', 'apache_beam'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(pictures), "--workspace", str(grey_workspace)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
