"""Tables of pixels in text: headers, columns, numbers, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from components.errors import DatasetError
from pipeline.datasets.csv_files import read_source

COUNT = 20
PIXELS = np.random.default_rng(4).integers(0, 256, (COUNT, 784))
LABELS = [row % 10 for row in range(COUNT)]
KAGGLE = ["label", *(f"pixel{i}" for i in range(784))]


def table(
    header: list[str] | None = None,
    labels: list = LABELS,
    pixels: np.ndarray | list = PIXELS,
    separator: str = ",",
    position: int = 0,
) -> str:
    lines = [header] if header else []
    for label, row in zip(labels, pixels, strict=True):
        cells = [str(value) for value in row]
        lines.append([*cells[:position], str(label), *cells[position:]])
    return "".join(separator.join(line) + "\n" for line in lines)


def save(folder: Path, text: str | bytes, name: str = "train.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def read(path: Path, **options) -> tuple[np.ndarray, list[int]]:
    source = read_source(path, **options)
    examples = list(source.splits["train"].examples)
    source.findings.require_good()
    assert all(pixels.dtype == np.uint8 for pixels, _ in examples)
    return np.array([pixels for pixels, _ in examples]), [
        label for _, label in examples
    ]


MNIST_IN_CSV = ["label", *(f"{i // 28 + 1}x{i % 28 + 1}" for i in range(784))]
GOOD = {
    "Kaggle's": table(KAGGLE),
    "without header": table(),
    "numbers as header": table(["label", *map(str, range(784))]),
    "mnist-in-csv": table(MNIST_IN_CSV),
    "a mark before it": b"\xef\xbb\xbf" + table(KAGGLE).encode(),
    "Windows' line ends": table(KAGGLE).replace("\n", "\r\n"),
    "tabs": table(KAGGLE, separator="\t"),
    "semicolons": table(separator=";"),
    "quotes": table([f'"{name}"' for name in KAGGLE], [f'"{i}"' for i in LABELS]),
    "label last": table([*KAGGLE[1:], "Class"], position=784),
    "decimals": table(KAGGLE, [f"{i}.0" for i in LABELS], PIXELS.astype(float)),
    "gzip": gzip.compress(table(KAGGLE).encode()),
    "no last line end": table(KAGGLE).rstrip(),
    "blank lines": table(KAGGLE).replace("\n", "\n\n"),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz"])
def test_tables_that_say_the_same(tmp_path: Path, content, name: str) -> None:
    pixels, labels = read(save(tmp_path, content, name))

    np.testing.assert_array_equal(pixels, PIXELS)
    assert labels == LABELS


def test_the_label_may_have_another_name(tmp_path: Path) -> None:
    file = save(tmp_path, table([*KAGGLE[1:], "number"], position=784))

    assert read(file, label="number")[1] == LABELS
    with pytest.raises(DatasetError, match="a column label with the label, received"):
        read(file)


def test_splits_are_told_by_name(tmp_path: Path) -> None:
    for name in ("mnist_train.csv", "mnist_test.csv", "mnist_valid.csv.gz"):
        save(tmp_path, table(KAGGLE), name)

    assert set(read_source(tmp_path).splits) == {"train", "test", "val"}


def test_a_file_that_is_there_as_gzip_too_is_read_once(tmp_path: Path) -> None:
    save(tmp_path, table(KAGGLE))
    packed = save(tmp_path, gzip.compress(table(KAGGLE).encode()), "train.csv.gz")
    source = read_source(tmp_path)

    assert len(list(source.splits["train"].examples)) == COUNT
    assert source.findings.left_out.first == [str(packed)]


def test_labels_may_be_names(tmp_path: Path) -> None:
    names = [f"class {label}" for label in range(10)]
    (tmp_path / "names.json").write_text(str(names).replace("'", '"'))
    file = save(tmp_path, table(labels=[names[label] for label in LABELS]))

    assert read(file, classes_file=tmp_path / "names.json")[1] == LABELS
    with pytest.raises(DatasetError, match=r"\(--classes names them\), received 'cl"):
        read(file)


def test_fractions_are_scaled_and_other_sizes_fitted(tmp_path: Path) -> None:
    file = save(tmp_path, table(labels=[1, 2], pixels=[[0.0] * 64, [1.0] * 64]))
    source = read_source(file)

    dark, bright = (pixels for pixels, _ in source.splits["train"].examples)
    assert (dark.max(), bright.min()) == (0, 255)
    assert list(source.findings.lines()) == [
        "Resized 2 images to 28x28: 2 of 8x8.",
        f"{file}: scaled pixels from 0..1 to 0..255.",
    ]


def spoilt(cell: str, row: int = 7, column: int = 3) -> str:
    lines = table(KAGGLE).splitlines()
    cells = lines[row + 1].split(",")
    cells[column] = cell
    lines[row + 1] = ",".join(cells)
    return "\n".join(lines) + "\n"


BAD_ROWS = {
    "text": (spoilt("x"), "expected numbers as pixels, received 'x'"),
    "nothing": (spoilt(""), "expected numbers as pixels, received ''"),
    "nan": (spoilt("nan"), "in 0..255, or all in 0..1, received nan at position 2"),
    "too bright": (spoilt("256"), "received 256.0 at position 2"),
    "negative": (spoilt("-1"), "received -1.0 at position 2"),
    "a fraction": (spoilt("0.5"), "received 0.5 at position 2"),
    "a cell more": (spoilt("1,2"), "expected 785 cells, received 786"),
    "half a label": (spoilt("1.5", column=0), "as label, since no class has a name"),
    "no label": (spoilt("", column=0), "received none"),
}


@pytest.mark.parametrize(("content", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, content: str, message: str):
    source = read_source(save(tmp_path, content))

    labels = [label for _, label in source.splits["train"].examples]
    assert labels == LABELS[:7] + LABELS[8:]
    [bad] = source.findings.bad.first
    assert bad.startswith(f"{tmp_path}/train.csv: line 9: expected")
    assert message in bad


BAD_FILES = {
    "nothing": (b"", "received an empty file"),
    "an empty line": (b"\nlabel,pixel0\n", "received an empty line at its start"),
    "a header alone": (
        ",".join(KAGGLE).encode(),
        "rows after the header, received none",
    ),
    "no label": (
        table(KAGGLE[1:], PIXELS[:, 0], PIXELS[:, 1:]).encode(),
        "expected a column label with the label, received pixel0, pixel1, pixel2, "
        "pixel3, pixel4, pixel5, … and 778 more",
    ),
    "no label nor header": (
        table(None, PIXELS[:, 0], PIXELS[:, 1:]).encode(),
        "received 783 columns beside the label. Remove",
    ),
    "an index": (
        table(["", *KAGGLE], range(COUNT), np.c_[LABELS, PIXELS]).encode(),
        "received 785 columns beside the label: , pixel0, pixel1",
    ),
    "a column twice": (
        table([*KAGGLE[:-1], "pixel0"]).encode(),
        "expected columns of different names, received twice: pixel0",
    ),
    "a page": (b"<!DOCTYPE html><html>", "received an HTML page"),
    "an archive": (b"PK\3\4....", "expected a table in text, received a ZIP archive"),
    "UTF-16": (table(KAGGLE).encode("utf-16"), "received a text in UTF-16"),
    "no UTF-8": (
        table(["étiquette", *KAGGLE[1:]]).encode("latin-1"),
        "expected a table in text in UTF-8, received a damaged file or another kind",
    ),
    "cut gzip": (gzip.compress(table().encode())[:-50], "received a damaged file"),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_files_that_will_not_do_are_refused(tmp_path: Path, content, message) -> None:
    file = save(tmp_path, content)

    with pytest.raises(DatasetError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}: expected")
    assert message in str(caught.value)


def test_26_classes_are_refused_with_what_is_supported(tmp_path: Path) -> None:
    file = save(tmp_path, table(labels=range(6, 26)))

    with pytest.raises(DatasetError, match="exactly 10 classes are supported"):
        read(file)


def test_kaggles_own_test_set_is_named(tmp_path: Path) -> None:
    """It has no labels, so it is no split to convert."""
    save(tmp_path, table(KAGGLE))
    save(tmp_path, table(KAGGLE[1:], PIXELS[:, 0], PIXELS[:, 1:]), "test.csv")

    with pytest.raises(
        DatasetError, match=r"test\.csv: .*a file without labels cannot"
    ):
        read_source(tmp_path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing there\. Check --csv"):
        read_source(tmp_path / "none.csv")
    with pytest.raises(DatasetError, match=r"names that end in \.csv.*received none"):
        read_source(tmp_path)
