"""Reads Parquet files with encoded pictures and labels, as Hugging Face has them."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.classes import DIGITS, check_class_names
from components.errors import DatasetError
from pipeline.datasets.file_kinds import describe_kind, read_head
from pipeline.datasets.findings import Findings, some
from pipeline.datasets.labels import label_column, label_of
from pipeline.datasets.source import (
    Source,
    SourceSplit,
    given_class_names,
    picture_examples,
)
from pipeline.datasets.split_files import FileKind, find_split_files
from pipeline.datasets.target import TARGET

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIXES = (".parquet", ".pq")
KIND = FileKind(
    option="--parquet",
    name="Parquet files",
    named=f"names that end in {' or '.join(_SUFFIXES)}",
    matches=lambda name: name.lower().endswith(_SUFFIXES),
)
_IMAGE_COLUMNS = ("image", "img", "picture", "images")
_BATCH_SIZE = 256
_PATH_SHOWN = 80


@dataclass(frozen=True)
class _Table:
    """A file, its header read: its rows, and the columns to read."""

    file: Path
    rows: int
    image: str
    label: str
    classes: tuple[str, ...] | None


def read_source(
    path: Path, classes_file: Path | None = None, label: str | None = None
) -> Source:
    """Finds the tables of each split; they are read when they are taken.

    Args:
        path: a file, or a folder of them, whose names or folders say the split. A
            column holds pictures, as bytes or as a struct of bytes and path.
        classes_file: the class names; those in ``classes.json`` in the folder, or of
            Hugging Face's ClassLabel in the files, unless given.
        label: the column of the label; ``label`` or the like unless given.

    Raises:
        DatasetError: there is no such file, a column is missing, or the classes are
            not 10.
    """
    findings = Findings()
    tables = {
        split: [_read_header(file, label) for file in files]
        for split, files in find_split_files(path, KIND, findings).items()
    }
    names = given_class_names(path, classes_file) or _common_names(tables)
    return Source(
        classes=names,
        splits={
            split: SourceSplit(
                path,
                sum(one.rows for one in files),
                picture_examples(_pictures(files, names, findings), findings),
            )
            for split, files in tables.items()
        },
        findings=findings,
    )


def _read_header(file: Path, label: str | None) -> _Table:
    import pyarrow.parquet as pq

    with _explained(file), pq.ParquetFile(file) as table:
        schema, rows = table.schema_arrow, table.metadata.num_rows
    column = label_column(file, schema.names, label)
    image = _image_column(file, schema)
    return _Table(file, rows, image, column, _class_names(file, schema, column))


def _image_column(file: Path, schema: "pa.Schema") -> str:
    found = [field.name for field in schema if _holds_bytes(field.type)]
    named = [name for name in _IMAGE_COLUMNS if name in found] or found
    if named and (len(found) == 1 or named != found):
        return named[0]
    listed = some([f"{field.name} ({field.type})" for field in schema], most=12)
    raise DatasetError(
        f"{file}: expected a column {_IMAGE_COLUMNS[0]} of encoded pictures, as bytes "
        f"or as a struct of bytes and path, received {listed}. Rename the column, or "
        "convert pixels with --npz."
    )


def _holds_bytes(kind: "pa.DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        position = kind.get_field_index("bytes")
        return position >= 0 and _holds_bytes(kind[position].type)
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _class_names(file: Path, schema: "pa.Schema", label: str) -> tuple[str, ...] | None:
    """The names of a ClassLabel in Hugging Face's part of the schema, if there."""
    text = (schema.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(text)["info"]["features"][label]["names"] if text else None
    except (ValueError, LookupError, TypeError):
        names = None
    if names is None:
        return None
    try:
        return check_class_names(tuple(map(str, names)), TARGET.classes)
    except ValueError as error:
        raise DatasetError(
            f"{file}: expected names of classes for {label}. Received: {error}. "
            f"Convert a data set of {TARGET.classes} classes, or name them with "
            "--classes."
        ) from error


def _common_names(tables: dict[str, list[_Table]]) -> tuple[str, ...]:
    every = [table for files in tables.values() for table in files]
    for table in every:
        if table.classes != every[0].classes:
            raise DatasetError(
                f"{table.file}: expected the class names of {every[0].file}, "
                f"{some(every[0].classes or ())}, received "
                f"{some(table.classes or ()) or 'none'}. Name them with --classes."
            )
    return every[0].classes or DIGITS


def _pictures(
    tables: list[_Table], classes: tuple[str, ...], findings: Findings
) -> Iterator[tuple[str, io.BytesIO, int]]:
    for table in tables:
        for number, (image, label) in enumerate(_rows(table)):
            where = f"{table.file}: row {number:,} (from 0)"
            try:
                yield where, io.BytesIO(_encoded(image)), label_of(label, classes)
            except ValueError as error:
                findings.add_bad(where, error)


def _rows(table: _Table) -> Iterator[tuple[Any, Any]]:
    import pyarrow.parquet as pq

    columns = [table.image, table.label]
    with _explained(table.file), pq.ParquetFile(table.file) as file:
        for batch in file.iter_batches(_BATCH_SIZE, columns=columns):
            images, labels = (batch.column(name).to_pylist() for name in columns)
            yield from zip(images, labels, strict=True)


def _encoded(image: bytes | dict[str, Any] | None) -> bytes:
    """Returns the bytes of a picture.

    Raises:
        ValueError: there are none.
    """
    path = image.get("path") if isinstance(image, dict) else None
    content = image.get("bytes") if isinstance(image, dict) else image
    if content is None:
        received = f"the path {str(path)[:_PATH_SHOWN]} alone" if path else "none"
        raise ValueError(f"expected the bytes of a picture, received {received}")
    return content


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        kind = describe_kind(read_head(file))
        received = f"a damaged one ({error})" if kind == "a Parquet file" else kind
        raise DatasetError(
            f"{file}: expected a Parquet file that can be read, received {received}. "
            "Fetch the file again."
        ) from error
