"""Parquet files as Hugging Face has them: columns, names, and what is refused."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.errors import DatasetError
from pipeline.datasets.parquet_files import read_source

COUNT = 300
LABELS = [row % 10 for row in range(COUNT)]
NAMES = [f"class {label}" for label in range(10)]


def picture(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (28, 28), value).save(file, "PNG")
    return file.getvalue()


PICTURES = [picture(row % 256) for row in range(COUNT)]
STRUCTS = [{"bytes": one, "path": f"{row}.png"} for row, one in enumerate(PICTURES)]


def save(
    file: Path, names: list[str] | None = None, **columns: list | pa.Array
) -> Path:
    table = pa.table(columns)
    if names is not None:
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        text = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": text})
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)
    return file


def read(path: Path, **options) -> list[tuple[int, int]]:
    """The first pixel and the label of each example, once all are good."""
    source = read_source(path, **options)
    examples = list(source.splits["train"].examples)
    source.findings.require_good()
    assert all((pixels == pixels[0]).all() for pixels, _ in examples)
    return [(int(pixels[0]), label) for pixels, label in examples]


EXPECTED = [(row % 256, row % 10) for row in range(COUNT)]


@pytest.mark.parametrize(
    "columns",
    [
        {"image": STRUCTS, "label": LABELS},
        {"image": PICTURES, "label": LABELS},
        {"img": STRUCTS, "label": pa.array(LABELS, pa.int8())},
        {"scan": pa.array(PICTURES, pa.large_binary()), "target": LABELS},
        {"id": PICTURES, "image": STRUCTS, "label": [float(i) for i in LABELS]},
        {"image": STRUCTS, "label": [str(i) for i in LABELS]},
        {"image": STRUCTS, "label": pa.array(map(str, LABELS)).dictionary_encode()},
    ],
)
def test_columns_that_say_the_same(tmp_path: Path, columns: dict) -> None:
    assert read(save(tmp_path / "a.parquet", **columns)) == EXPECTED


def test_names_of_hugging_face_are_kept(tmp_path: Path) -> None:
    file = save(tmp_path / "a.parquet", NAMES, image=STRUCTS, label=LABELS)
    assert read_source(file).classes == tuple(NAMES)
    other = tmp_path / "names.json"
    other.write_text(json.dumps(NAMES[::-1]))
    assert read_source(file, other).classes == tuple(NAMES[::-1])


def test_labels_may_be_names(tmp_path: Path) -> None:
    labels = [NAMES[label] for label in LABELS]
    file = save(tmp_path / "a.parquet", NAMES, image=STRUCTS, label=labels)

    assert read(file) == EXPECTED


def test_splits_are_told_by_name_and_parts_joined(tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        save(tmp_path / "data" / f"{name}.parquet", image=STRUCTS, label=LABELS)
    source = read_source(tmp_path)

    assert {n: s.count for n, s in source.splits.items()} == {"train": 600, "test": 300}
    assert read(tmp_path) == EXPECTED * 2


def test_the_label_may_have_another_name(tmp_path: Path) -> None:
    columns = {"image": STRUCTS, "label": [0] * COUNT, "fine": LABELS}
    assert read(save(tmp_path / "a.parquet", **columns), label="fine") == EXPECTED


def test_colour_and_size_are_counted(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(file, "JPEG")
    source = read_source(
        save(tmp_path / "a.parquet", image=[file.getvalue()], label=[1])
    )

    assert len(list(source.splits["train"].examples)) == 1
    assert (source.findings.colour, source.findings.sizes) == (1, {(32, 32): 1})


BAD_ROWS = {
    "no picture": ({"bytes": b"%PDF-1", "path": None}, 1, "received a PDF document"),
    "a path alone": ({"bytes": None, "path": "a.png"}, 1, "received the path a.png al"),
    "nothing": (None, 1, "expected the bytes of a picture, received none"),
    "no label": (STRUCTS[0], None, "expected a whole number as label, received none"),
}


@pytest.mark.parametrize(("image", "label", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named(tmp_path: Path, image, label, message: str) -> None:
    images, labels = [*STRUCTS[:280], image], [*LABELS[:280], label]
    file = save(tmp_path / "a.parquet", image=images, label=labels)
    source = read_source(file)

    assert len(list(source.splits["train"].examples)) == 280
    [bad] = source.findings.bad.first
    assert bad.startswith(f"{file}: row 280 (from 0): expected")
    assert message in bad


BAD_COLUMNS = {
    "no label": (
        {"image": STRUCTS},
        "expected a column label with the label, received",
    ),
    "no picture": (
        {"pixels": [[1, 2]] * COUNT, "label": LABELS},
        "received pixels (list<",
    ),
    "two of a kind": (
        {"left": PICTURES, "right": PICTURES, "label": LABELS},
        "of encoded pictures, as bytes or as a struct of bytes and path, received left "
        "(binary), right (binary), label (int64). Rename",
    ),
    "26 classes": (
        {
            "image": STRUCTS,
            "label": LABELS,
            "names": list("abcdefghijklmnopqrstuvwxyz"),
        },
        "expected 10 names, since exactly 10 classes are supported, received 26",
    ),
    "labels of 26 classes": (
        {"image": STRUCTS, "label": [row % 26 for row in range(COUNT)]},
        "exactly 10 classes are supported. Received: 26 different labels, from 0 to 25",
    ),
}


@pytest.mark.parametrize(("columns", "message"), BAD_COLUMNS.values(), ids=BAD_COLUMNS)
def test_columns_that_will_not_do_are_refused(tmp_path, columns, message) -> None:
    file = save(tmp_path / "a.parquet", **columns)

    with pytest.raises(DatasetError) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)


def test_files_of_other_names_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "train.parquet", NAMES, image=STRUCTS, label=LABELS)
    save(tmp_path / "test.parquet", NAMES[::-1], image=STRUCTS, label=LABELS)

    with pytest.raises(DatasetError, match="expected the class names of"):
        read_source(tmp_path)


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    arrays = [pa.array(PICTURES), pa.array(LABELS), pa.array(LABELS)]
    table = pa.Table.from_arrays(arrays, names=["image", "label", "label"])
    pq.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(DatasetError, match="different names, received twice: label"):
        read_source(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"PAR1 and no more PAR1", "a damaged one"),
    ],
)
def test_what_is_no_parquet_is_named(tmp_path: Path, content, received) -> None:
    (tmp_path / "a.parquet").write_bytes(content)

    with pytest.raises(DatasetError, match=f"that can be read, received {received}"):
        read_source(tmp_path / "a.parquet")


def test_damage_in_the_rows_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(400_000)
    rows = [noise[i * 1000 : i * 1000 + 1000] for i in range(COUNT)]
    file = save(tmp_path / "a.parquet", image=rows, label=LABELS)
    content = bytearray(file.read_bytes())
    content[:1500] = bytes(1500)
    content[:4] = b"PAR1"
    file.write_bytes(content)

    with pytest.raises(DatasetError, match=r"received a damaged one|cannot"):
        read(file)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing there\. Check --parquet"):
        read_source(tmp_path / "none")
    with pytest.raises(DatasetError, match=r"end in \.parquet or \.pq, received none"):
        read_source(tmp_path)
