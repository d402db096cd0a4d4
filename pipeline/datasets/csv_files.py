"""Reads tables of numbers in text, as Kaggle has MNIST: ``label,pixel0,pixel1,…``."""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

import numpy as np

from components.classes import DIGITS
from components.errors import DatasetError
from pipeline.datasets.arrays import PixelBlocks, in_blocks
from pipeline.datasets.file_kinds import describe_kind, open_unpacked, read_inner_head
from pipeline.datasets.findings import Findings, some
from pipeline.datasets.labels import LABEL_COLUMNS, label_column
from pipeline.datasets.source import Examples, Source, SourceSplit, given_class_names
from pipeline.datasets.split_files import FileKind, find_split_files
from pipeline.datasets.target import TARGET

_SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
KIND = FileKind(
    option="--csv",
    name="CSV files",
    named=f"names that end in {', '.join(_SUFFIXES)}",
    matches=lambda name: name.lower().endswith(_SUFFIXES),
)
_SEPARATORS = ",;\t"
_DAMAGE = (gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError, csv.Error)


@dataclass(frozen=True)
class _Table:
    """How a file is laid out.

    ``columns`` is how many there are, ``label`` the position of the label.
    """

    file: Path
    separator: str
    header: bool
    columns: int
    label: int


def read_source(
    path: Path, classes_file: Path | None = None, label: str | None = None
) -> Source:
    """Finds the tables of each split; they are read when they are taken.

    Args:
        path: a file, gzip or not, or a folder of them, whose names or folders say the
            split. Numbers stand between commas, semicolons or tabs. Without a header
            the first column is the label.
        classes_file: the class names; those in ``classes.json`` in the folder unless
            given, else digits. Labels are numbers or these names.
        label: the column of the label; ``label`` or the like unless given.

    Raises:
        DatasetError: there is no table, one has no label or no square number of
            pixels, or the class names will not do.
    """
    findings = Findings()
    splits = find_split_files(path, KIND, findings)
    tables = {
        split: [_layout(file, label) for file in files]
        for split, files in splits.items()
    }
    names = given_class_names(path, classes_file) or DIGITS
    return Source(
        classes=names,
        splits={
            split: SourceSplit(path, None, _read_all(files, names, findings))
            for split, files in tables.items()
        },
        findings=findings,
    )


def _layout(file: Path, label: str | None) -> _Table:
    with _open(file) as text:
        line = text.readline()
        if not line.strip():
            raise DatasetError(
                f"{file}: expected a table, received an empty "
                f"{'line at its start' if line else 'file'}. Fetch the file again."
            )
        separator = max(_SEPARATORS, key=line.count)
        text.seek(0)
        first = next(csv.reader(text, delimiter=separator))
    header = _is_header(first, label)
    if header:
        position = first.index(label_column(file, first, label))
    elif label is None:
        position = 0
    else:
        raise DatasetError(
            f"{file}: expected a header with a column {label}, received none: "
            f"{some(first)}. Add a header, or put the label first without --label."
        )
    others = first[:position] + first[position + 1 :]
    side = math.isqrt(len(others))
    if not others or side * side != len(others):
        shown = f": {some(others)}" if header else ""
        raise DatasetError(
            f"{file}: expected a label and a square number of pixels in a row, like "
            f"{TARGET.pixels}, received {len(others):,} columns beside the label"
            f"{shown}. Remove what is no pixel; a file without labels cannot be "
            "converted."
        )
    return _Table(file, separator, header, len(first), position)


def _is_header(cells: Sequence[str], label: str | None) -> bool:
    """Says whether cells are names; the first of a row may be the name of a class."""
    if label in cells or cells[0].strip().lower() in LABEL_COLUMNS:
        return True
    return any(not _is_number(cell) for cell in cells[1:])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        # A cell without anything is a hole in a table, not a name.
        return not cell.strip()
    return True


def _line(file: Path, lines: Sequence[int], row: int) -> str:
    return f"{file}: line {lines[row]:,}"


def _read_all(
    tables: list[_Table], classes: tuple[str, ...], findings: Findings
) -> Examples:
    for table in tables:
        blocks = PixelBlocks(str(table.file), classes, findings)
        for block in in_blocks(_rows(table, findings)):
            lines, labels, cells = zip(*block, strict=True)
            numbers, good = _as_numbers(table.file, lines, cells, findings)
            if good:
                yield from blocks.examples(
                    numbers,
                    [labels[row] for row in good],
                    partial(_line, table.file, [lines[row] for row in good]),
                )


def _rows(table: _Table, findings: Findings) -> Iterator[tuple[int, str, list[str]]]:
    """Yields line, label and the other cells of each row that is complete."""
    with _open(table.file) as text:
        reader = csv.reader(text, delimiter=table.separator)
        if table.header:
            next(reader)
        found = False
        for cells in reader:
            if not cells:
                continue
            found = True
            if len(cells) != table.columns:
                findings.add_bad(
                    f"{table.file}: line {reader.line_num:,}",
                    f"expected {table.columns:,} cells, received {len(cells):,}",
                )
                continue
            yield reader.line_num, cells.pop(table.label), cells
    if not found:
        raise DatasetError(
            f"{table.file}: expected rows after the header, received none. Fetch the "
            "file again."
        )


def _as_numbers(
    file: Path,
    lines: Sequence[int],
    rows: Sequence[list[str]],
    findings: Findings,
) -> tuple[np.ndarray, list[int]]:
    """Returns float64 [n, pixels] of the rows of numbers, and which these are."""
    try:
        return np.array(rows).astype(np.float64), list(range(len(rows)))
    except ValueError:
        pass
    good, numbers = [], []
    for row, cells in enumerate(rows):
        try:
            numbers.append([float(cell) for cell in cells])
            good.append(row)
        except ValueError as error:
            # Python's message ends with the text that is no number.
            text = str(error).rpartition(": ")[2]
            findings.add_bad(
                f"{file}: line {lines[row]:,}",
                f"expected numbers as pixels, received {text[:60]}",
            )
    return np.array(numbers), good


@contextmanager
def _open(file: Path) -> Iterator[TextIO]:
    """Opens a table as text in UTF-8, gzip or not, with or without a mark before it.

    Raises:
        DatasetError: within, for what is no text, damaged or no table.
    """
    head = read_inner_head(file)
    kind = describe_kind(head)
    if head and kind not in ("a text file", "another kind of file"):
        raise DatasetError(
            f"{file}: expected a table in text, received {kind}. Unpack it, or name "
            "another file."
        )
    try:
        with (
            open_unpacked(file) as binary,
            io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text,
        ):
            yield text
    except _DAMAGE as error:
        raise DatasetError(
            f"{file}: expected a table in text in UTF-8, received a damaged file or "
            f"another kind ({error}). Fetch the file again."
        ) from error
