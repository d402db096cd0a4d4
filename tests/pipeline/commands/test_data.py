"""``data convert`` and ``data verify`` as a person calls them."""

import io
import json
import signal
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner, Result
from PIL import Image

from components.errors import DatasetError, UsageError
from components.image_spec import MNIST
from pipeline.cli import cli
from pipeline.datasets.records import decode_examples
from pipeline.datasets.shards import read_batches

pytestmark = pytest.mark.slow


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """30 training and 12 test items, all black, labelled 0..9 in turn."""
    folder = tmp_path / "idx"
    folder.mkdir()
    for stem, count in (("train", 30), ("t10k", 12)):
        images = struct.pack(">4I", 0x803, count, 28, 28) + bytes(784 * count)
        labels = struct.pack(">2I", 0x801, count)
        labels += bytes(item % 10 for item in range(count))
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", *map(str, arguments)])


def test_convert_then_verify(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    written = call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    assert written.exit_code == 0
    assert written.stdout == (
        f"Wrote 42 records to {out}: train 20, val 10, test 12.\n"
    )
    verified = call("verify", out, "--json")
    assert verified.exit_code == 0
    report = json.loads(verified.stdout)
    assert (report["ok"], report["checksums"]) == (True, True)
    train = out / "train" / "train-00000-of-00001.tfrecord.gz"
    assert report["splits"]["train"] == {
        "files": 1,
        "records": 20,
        "bytes": train.stat().st_size,
        "labels": [2] * 10,
        "problems": [],
        "ok": True,
    }


def test_verify_prints_a_row_for_each_split(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in call("verify", out).stdout.splitlines()
        if line.startswith("│")
    ]
    assert [[*row[:3], *row[4:]] for row in rows] == [
        ["train", "1", "20", "2-2", "yes"],
        ["val", "1", "10", "1-1", "yes"],
        ["test", "1", "12", "1-2", "yes"],
    ]


def test_verify_reports_and_refuses_damage(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    (out / "val" / "stray").write_bytes(b"")
    result = call("verify", out, "--json")
    assert isinstance(result.exception, DatasetError)
    assert result.exception.exit_code == 1
    report = json.loads(result.stdout)
    assert [report["ok"], report["splits"]["val"]["ok"]] == [False, False]
    assert report["splits"]["train"]["ok"]
    assert str(result.exception).splitlines() == report["splits"]["val"]["problems"]


def test_convert_refuses_an_existing_folder(idx_folder: Path):
    result = call("convert", "--idx", idx_folder, "--out", idx_folder, "--val", 10)
    assert isinstance(result.exception, DatasetError)
    assert f"{idx_folder}: expected a folder that does not" in str(result.exception)


def test_val_must_be_positive(idx_folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    result = call("convert", "--idx", idx_folder, "--out", out, "--val", 0)
    assert result.exit_code == 2
    assert "--val" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("val", ["1.0", "-0.1", "1.5", "-3", "nan", "a tenth"])
def test_val_is_a_fraction_or_a_count(idx_folder: Path, tmp_path: Path, val: str):
    out = tmp_path / "out"
    result = call("convert", "--idx", idx_folder, "--out", out, "--val", val)
    assert result.exit_code == 2
    assert f"between 0 and 1, like 0.1, or a count from 1. Received: {val}." in (
        result.stderr
    )


def test_convert_takes_a_fraction_of_each_class(idx_folder: Path, tmp_path: Path):
    images = idx_folder / "train-images-idx3-ubyte"
    different = b"".join(bytes([item]) * 784 for item in range(30))
    images.write_bytes(images.read_bytes()[:16] + different)
    written = call(
        "convert", "--idx", idx_folder, "--out", tmp_path / "o", "--val", 0.3
    )
    assert written.stdout.endswith("train 20, val 10, test 12.\n")
    report = json.loads(call("verify", tmp_path / "o", "--json").stdout)
    assert report["splits"]["val"]["labels"] == [1] * 10


def draw_pets(folder: Path, count: int) -> list[str]:
    """So many pictures of each of ten classes; returns the names of the classes."""
    names = sorted(f"pet {letter}" for letter in "abcdefghij")
    noise = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = noise.integers(0, 256, (32, 24), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return names


def test_convert_takes_a_folder_of_pictures(tmp_path: Path):
    names = draw_pets(tmp_path / "pets", 20)
    (tmp_path / "pets" / names[0] / "notes.txt").touch()
    out = tmp_path / "out"
    written = call("convert", "--images", tmp_path / "pets", "--out", out)
    # A tenth of 20 for test, then a tenth of the 18 left.
    assert written.stdout == (
        f"Wrote 200 records to {out}: train 160, val 20, test 20.\n"
    )
    assert written.stderr == (
        "Resized 200 images to 28x28: 200 of 24x32.\n"
        f"Left out 1 file of another kind: {tmp_path}/pets/pet a/notes.txt.\n"
    )
    manifest = json.loads((out / "dataset.json").read_text())
    assert manifest["conversion"] == {"resized": {"24x32": 200}, "resized_count": 200}
    verified = call("verify", out, "--json")
    report = json.loads(verified.stdout)
    assert report["ok"]
    assert report["classes"] == names
    assert report["splits"]["train"]["labels"] == [16] * 10

    again = tmp_path / "again"
    call("convert", "--images", tmp_path / "pets", "--out", again)
    assert (again / "dataset.json").read_text() == (out / "dataset.json").read_text()


def test_convert_takes_encoded_records(tmp_path: Path):
    source = tmp_path / "tfds"
    source.mkdir()
    records = []
    for index, pixels in enumerate(np.eye(784, dtype=np.uint8)[:100] * 255):
        file = io.BytesIO()
        Image.fromarray(pixels.reshape(28, 28)).save(file, "PNG")
        features = {
            "image": tf.train.Feature(
                bytes_list=tf.train.BytesList(value=[file.getvalue()])
            ),
            "label": tf.train.Feature(
                int64_list=tf.train.Int64List(value=[index % 10])
            ),
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        records.append(example.SerializeToString())
    for split in ("train", "test"):
        with tf.io.TFRecordWriter(str(source / f"x-{split}.tfrecord-0")) as writer:
            for record in records:
                writer.write(record)
    names = tmp_path / "names.json"
    names.write_text(json.dumps([f"class {label}" for label in range(10)]))

    arguments = ("--tfrecord", source, "--out", tmp_path / "out", "--classes", names)
    written = call("convert", *arguments, "--val", "20")
    assert written.stdout.endswith("train 80, val 20, test 100.\n")
    assert (tmp_path / "out" / "classes.json").read_text() == json.dumps(
        [f"class {label}" for label in range(10)], indent=2
    ) + "\n"


@pytest.mark.parametrize(
    ("sources", "received"), [([], "none"), (["--idx", "--images"], "several")]
)
def test_convert_wants_one_source(tmp_path: Path, sources, received):
    given = [part for source in sources for part in (source, tmp_path)]
    result = call("convert", *given, "--out", tmp_path / "out")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "Expected one of --idx, --images, --tfrecord, --npz, --csv and --parquet. "
        f"Received: {received}."
    )


def test_a_faulty_picture_leaves_nothing(tmp_path: Path):
    names = draw_pets(tmp_path / "pets", 2)
    bad = tmp_path / "pets" / names[3] / "0.png"
    bad.write_bytes(bad.read_bytes()[:60])
    result = call("convert", "--images", tmp_path / "pets", "--out", tmp_path / "out")
    assert isinstance(result.exception, DatasetError)
    assert str(result.exception).startswith(
        f"{bad}: expected a picture (PNG, JPEG, WebP, BMP, GIF or TIFF)"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


def test_a_terminated_conversion_leaves_nothing(
    idx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def terminate(*_: object) -> None:
        assert [path.name for path in tmp_path.glob(".out-*/out/train")] == ["train"]
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("pipeline.datasets.convert.write_shard", terminate)
    out = tmp_path / "out"
    result = call("convert", "--idx", idx_folder, "--out", out, "--val", 10)
    assert result.exit_code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == [idx_folder]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def npz_of(folder: Path, pixels: np.ndarray) -> Path:
    """A NumPy file of 40 images, labelled 0..9 in turn."""
    np.savez(folder / "a.npz", x=pixels, y=np.arange(40) % 10)
    return folder / "a.npz"


def images_of(folder: Path) -> list[bytes]:
    """The pixels of all images of a data folder, sorted."""
    records = [
        record
        for split in ("train", "val", "test")
        for file in (folder / split).iterdir()
        for batch in read_batches(file, 100)
        for record in batch
    ]
    images, _ = decode_examples(records, MNIST)
    return sorted(image.tobytes() for image in images)


def test_invert_and_transpose_undo_what_was_done(tmp_path: Path):
    pixels = np.random.default_rng(2).integers(1, 255, (40, 28, 28), np.uint8)
    call("convert", "--npz", npz_of(tmp_path, pixels), "--out", tmp_path / "plain")
    turned = npz_of(tmp_path, (255 - pixels).transpose(0, 2, 1))
    options = ("--invert", "--transpose")
    result = call("convert", "--npz", turned, "--out", tmp_path / "back", *options)

    assert result.exit_code == 0, result.output
    assert images_of(tmp_path / "back") == images_of(tmp_path / "plain")
    manifest = json.loads((tmp_path / "back" / "dataset.json").read_text())
    assert manifest["conversion"] == {"invert": True, "transpose": True}
    plain = json.loads((tmp_path / "plain" / "dataset.json").read_text())
    assert list(plain) == ["files"]


def test_bad_pictures_are_all_named_or_left_out(tmp_path: Path):
    names = draw_pets(tmp_path / "pets", 20)
    for name in names[1:]:
        (tmp_path / "pets" / name / "0.png").write_bytes(b"%PDF-1.7")
    link = tmp_path / "pets" / names[0] / "0.png"
    link.unlink()
    link.symlink_to("nowhere")
    arguments = ("convert", "--images", tmp_path / "pets", "--out", tmp_path / "out")

    result = call(*arguments)
    assert isinstance(result.exception, DatasetError)
    lines = str(result.exception).splitlines()
    assert lines[0].endswith("Received: 10 items that cannot:")
    assert [line.split(":")[0].strip() for line in lines[1:-1]] == [
        str(tmp_path / "pets" / name / "0.png") for name in names
    ]
    assert lines[1].endswith("received a link to nothing")
    assert all(line.endswith("received a PDF document") for line in lines[2:-1])
    assert not (tmp_path / "out").exists()

    result = call(*arguments, "--skip-bad")
    assert result.exit_code == 0, result.output
    assert "Wrote 190 records" in result.stdout
    assert result.stderr.startswith("Left out 10 that cannot be read:\n")
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert manifest["conversion"]["skip_bad"] is True
    assert manifest["conversion"]["left_out_count"] == 10
    assert manifest["conversion"]["left_out"][1].startswith("pet b/0.png: expected")


def test_a_small_idx_set_is_split_without_being_told_how(idx_folder: Path, tmp_path):
    images = idx_folder / "train-images-idx3-ubyte"
    different = b"".join(bytes([item]) * 784 for item in range(30))
    images.write_bytes(images.read_bytes()[:16] + different)

    result = call("convert", "--idx", idx_folder, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "train 20, val 10, test 12." in result.stdout


def test_a_column_is_for_tables(idx_folder: Path, tmp_path: Path):
    arguments = ("--idx", idx_folder, "--label", "y", "--out", tmp_path / "out")
    result = call("convert", *arguments)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith("Expected --label with --csv or --parquet")


def test_dark_ink_on_a_bright_ground_is_said(tmp_path: Path):
    noise = np.random.default_rng(5)
    pixels = np.full((40, 28, 28), 250, np.uint8)
    pixels[:, 8:20, 8:20] = noise.integers(0, 60, (40, 12, 12))
    file = npz_of(tmp_path, pixels)
    said = "40 of 40 images look like dark ink on a bright ground"

    assert said in call("convert", "--npz", file, "--out", tmp_path / "a").stderr
    arguments = ("--npz", file, "--out", tmp_path / "b", "--invert")
    assert call("convert", *arguments).stderr == ""
