"""NumPy files: names of arrays, types, shapes, ranges, and what is refused."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from components.errors import DatasetError
from pipeline.datasets import npz_files
from pipeline.datasets.npz_files import read_source

COUNT = 30
PIXELS = np.random.default_rng(3).integers(0, 256, (COUNT, 28, 28), np.uint8)
LABELS = np.arange(COUNT, dtype=np.uint8) % 10


def save(path: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def read(path: Path, split: str = "train", **options) -> tuple[np.ndarray, list[int]]:
    """All pixels [n, 784] and labels of a split, once they are found to be good."""
    source = read_source(path, **options)
    examples = list(source.splits[split].examples)
    source.findings.require_good()
    assert all(pixels.dtype == np.uint8 for pixels, _ in examples)
    return np.array([pixels for pixels, _ in examples]), [
        label for _, label in examples
    ]


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("x_train", "y_train", "x_test", "y_test"), ["train", "test"]),
        (("X_train", "y_train", "X_val", "y_val"), ["train", "val"]),
        (("x", "y"), ["train"]),
        (
            ("train_images", "train_labels", "dev_images", "dev_labels"),
            ["train", "val"],
        ),
        (("xtrain", "ytrain", "testX", "testY"), ["train", "test"]),
        (("data", "target"), ["train"]),
    ],
)
def test_arrays_are_told_by_their_names(tmp_path: Path, names, splits) -> None:
    arrays = {name: (PIXELS, LABELS)[i % 2] for i, name in enumerate(names)}
    file = save(tmp_path / "a.npz", **arrays)
    source = read_source(file)

    assert {n: s.count for n, s in source.splits.items()} == dict.fromkeys(
        splits, COUNT
    )
    for split in splits:
        pixels, labels = read(file, split)
        np.testing.assert_array_equal(pixels, PIXELS.reshape(COUNT, -1))
        assert labels == LABELS.tolist()
    assert not list(source.findings.lines())


def test_a_folder_of_files_is_read(tmp_path: Path) -> None:
    """As Kuzushiji-MNIST is published, and plain .npy files."""
    np.savez(tmp_path / "kmnist-train-imgs.npz", PIXELS)
    np.savez(tmp_path / "kmnist-train-labels.npz", LABELS)
    np.save(tmp_path / "x_test.npy", PIXELS[:12])
    np.save(tmp_path / "y_test.npy", LABELS[:12])

    np.testing.assert_array_equal(read(tmp_path)[0], PIXELS.reshape(COUNT, -1))
    assert read(tmp_path, "test")[1] == LABELS[:12].tolist()


@pytest.mark.parametrize(
    "shaped",
    [
        PIXELS.reshape(COUNT, 784),
        PIXELS[..., None],
        PIXELS[:, None],
        np.repeat(PIXELS[..., None], 3, axis=3),
        np.asfortranarray(PIXELS),
        PIXELS.astype(np.int64),
        PIXELS.astype(">u2"),
        PIXELS.astype(np.float32),
    ],
)
def test_shapes_and_types_that_hold_the_same(
    tmp_path: Path, shaped, monkeypatch
) -> None:
    monkeypatch.setattr(npz_files, "BLOCK", 7)
    file = save(tmp_path / "a.npz", x=shaped, y=LABELS.astype(float)[:, None])

    pixels, labels = read(file)
    np.testing.assert_array_equal(pixels, PIXELS.reshape(COUNT, -1))
    assert labels == LABELS.tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_are_scaled_and_that_is_said(tmp_path: Path, dtype) -> None:
    fractions = (PIXELS / 255).astype(dtype)
    fractions[0] = 0
    file = save(tmp_path / "a.npz", x=fractions, y=LABELS)
    source = read_source(file)

    pixels = np.array([pixels for pixels, _ in source.splits["train"].examples])
    np.testing.assert_array_equal(pixels[1:], PIXELS.reshape(COUNT, -1)[1:])
    assert not pixels[0].any()
    assert list(source.findings.lines()) == [
        f"{file}: x: scaled pixels from 0..1 to 0..255."
    ]


def test_black_and_white_is_scaled(tmp_path: Path) -> None:
    for drawn in (PIXELS > 99, (PIXELS > 99).astype(np.uint8)):
        pixels, _ = read(save(tmp_path / "a.npz", x=drawn, y=LABELS))
        np.testing.assert_array_equal(pixels, (PIXELS > 99).reshape(COUNT, -1) * 255)


def test_colour_and_other_sizes_are_counted(tmp_path: Path) -> None:
    colour = np.zeros((COUNT, 32, 32, 3), np.uint8)
    colour[..., 0] = 200
    source = read_source(save(tmp_path / "a.npz", x=colour, y=LABELS))

    pixels = [pixels for pixels, _ in source.splits["train"].examples]
    # Pillow's grey of (200, 0, 0).
    assert all((one == 60).all() for one in pixels)
    assert source.findings.colour == COUNT
    assert source.findings.sizes == {(32, 32): COUNT}


def test_names_of_classes_may_be_the_labels(tmp_path: Path) -> None:
    names = [f"class {label}" for label in range(10)]
    (tmp_path / "classes.json").write_text(str(names).replace("'", '"'))
    save(tmp_path / "a.npz", x=PIXELS, y=np.array(names)[LABELS])

    assert read(tmp_path)[1] == LABELS.tolist()


BAD_ARRAYS = {
    "objects": (
        {"x": PIXELS, "y": np.array([str(i) for i in LABELS], object)},
        "a.npz: y: expected numbers, received pickled Python objects",
    ),
    "lengths": (
        {"x": PIXELS, "y": LABELS[:29]},
        "a.npz: y: expected 30 labels, one for each image in",
    ),
    "nothing": (
        {"x": PIXELS[:0], "y": LABELS[:0]},
        "at least one image, received none",
    ),
    "one-hot": (
        {"x": PIXELS, "y": np.eye(10)[LABELS]},
        "received an array of 30x10. Save the number of the class, like y.argmax(axis=",
    ),
    "a number": ({"x": PIXELS, "y": np.int64(3)}, "received a single value"),
    "other names": (
        {"arr_0": PIXELS, "arr_1": LABELS},
        "expected arrays named x_train, y_train, x_test and y_test, or x and y, "
        "received",
    ),
    "no labels": ({"x_train": PIXELS}, "one array of labels for train, named like"),
    "no train": (
        {"x_test": PIXELS, "y_test": LABELS},
        "expected arrays for train, named like",
    ),
    "two of a kind": (
        {"data": PIXELS, "images": PIXELS, "target": LABELS},
        "expected one array of images for train, named like",
    ),
    "text as pixels": (
        {"x": PIXELS.astype(str), "y": LABELS},
        "expected numbers as pixels, received <U3. Save pixels as uint8.",
    ),
    "not square": (
        {"x": PIXELS.reshape(COUNT, 784)[:, :783], "y": LABELS},
        "flat and square like 784, received 783 values each",
    ),
    "four channels": ({"x": PIXELS.reshape(COUNT, 14, 14, 4), "y": LABELS}, "14x14x4"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_will_not_do_are_refused(tmp_path, arrays, message) -> None:
    file = tmp_path / "a.npz"
    np.savez(file, **arrays)

    with pytest.raises(DatasetError) as caught:
        read(file)
    assert message in str(caught.value)


def spoilt(value: float) -> np.ndarray:
    pixels = PIXELS.astype(float)
    pixels[17, 0, 5] = value
    return pixels


BAD_ROWS = {
    "nan": (spoilt(float("nan")), LABELS, "received nan at position 5"),
    "infinity": (spoilt(float("inf")), LABELS, "received inf at position 5"),
    "too bright": (spoilt(256), LABELS, "received 256.0 at position 5"),
    "negative": (spoilt(-1), LABELS, "received -1.0 at position 5"),
    "a fraction": (
        spoilt(0.5),
        LABELS,
        "expected pixels as whole numbers in 0..255, or all in 0..1, received 0.5",
    ),
    "half a label": (
        PIXELS,
        np.where(np.arange(COUNT) == 17, 2.5, LABELS),
        "expected a whole number as label, received 2.5",
    ),
    "a label of text": (
        PIXELS,
        np.where(np.arange(COUNT) == 17, "cat", LABELS.astype(str)),
        "no class has a name (--classes names them), received 'cat'",
    ),
}


@pytest.mark.parametrize(
    ("pixels", "labels", "message"), BAD_ROWS.values(), ids=BAD_ROWS
)
def test_a_bad_row_is_named_and_can_be_left_out(tmp_path, pixels, labels, message):
    file = save(tmp_path / "a.npz", x=pixels, y=labels)
    source = read_source(file)

    assert len(list(source.splits["train"].examples)) == COUNT - 1
    assert source.findings.bad.count == 1
    [bad] = source.findings.bad.first
    assert bad.startswith(f"{file}: x: row 17 (from 0): expected")
    assert message in bad


def test_labels_of_26_classes_are_refused(tmp_path: Path) -> None:
    file = save(tmp_path / "a.npz", x=PIXELS, y=np.arange(COUNT) % 26 + 1)

    with pytest.raises(DatasetError) as caught:
        read(file)
    assert (
        "exactly 10 classes are supported. Received: 26 different labels, from 1"
        in (str(caught.value))
    )


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"", "an empty file"),
        (b"label,pixel0\n", "a text file"),
        (b"PK\x03\x04 and no more", "a damaged file (File is not a zip file)"),
    ],
)
def test_what_is_no_npz_is_named(tmp_path: Path, content: bytes, received: str) -> None:
    (tmp_path / "a.npz").write_bytes(content)

    with pytest.raises(DatasetError) as caught:
        read_source(tmp_path / "a.npz")
    assert f"expected a NumPy file, received {received}. Fetch" in str(caught.value)


def test_a_cut_array_is_named(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.save(whole, PIXELS)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", whole.getvalue()[:-785])
        whole = io.BytesIO()
        np.save(whole, LABELS)
        archive.writestr("y.npy", whole.getvalue())

    with pytest.raises(DatasetError, match=r"a damaged file \(truncated at row 28\)"):
        read(tmp_path / "a.npz")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing there\. Check --npz"):
        read_source(tmp_path / "none.npz")
    with pytest.raises(DatasetError, match=r"named \.npz or \.npy, received none"):
        read_source(tmp_path)


@pytest.mark.parametrize("garbage", [b"(30, 28, '", b"(30\n 2x", b"[1, 2, 3]"])
def test_a_garbled_header_is_named(tmp_path: Path, garbage: bytes) -> None:
    whole = io.BytesIO()
    np.save(whole, PIXELS)
    content = whole.getvalue().replace(b"(30, 28, 28)", garbage)
    (tmp_path / "x.npy").write_bytes(content)

    with pytest.raises(DatasetError, match="received a damaged file"):
        read_source(tmp_path)
