"""Reads suspects.csv, which people edit with whatever they edit tables with.

``data quarantine`` and ``data verify --records`` read it; DataAudit and
``data suspects`` write it.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from components.data.audit_files import COLUMNS
from components.errors import DatasetError
from components.features import SPLITS
from pipeline.datasets.findings import some

_NEEDED = ("split", "file", "record", "label", "image_sha256")
_SEPARATORS = ",;\t"
_NEXT = (
    "Take the file as 'mnist-pipeline data suspects' wrote it; lines and columns may "
    "be removed or moved"
)


@attrs.frozen
class Suspect:
    """One record that the file names.

    Attributes:
      line: of the file, from 1.
      split: of the data set.
      file: in the split, by its name alone.
      record: its number in the file, from 0.
      label: its class.
      image_sha256: of its pixels, in lower case.
      finding: why it is suspicious; empty where the file does not say.
    """

    line: int
    split: str
    file: str
    record: int
    label: int
    image_sha256: str
    finding: str


def read_suspects(path: Path, only: Sequence[str] = ()) -> list[Suspect]:
    """Reads the lines of a file.

    Commas, semicolons or tabs separate, whatever the order of the columns, the ends of
    the lines, spaces around the cells and a mark before the text.

    Args:
      path: a table as ``write_audit`` writes it.
      only: take the lines of these findings; all unless given.

    Raises:
      DatasetError: it cannot be read, is no such table, or names no record.
    """
    rows = _read_rows(path)
    _, header = next(rows, (1, []))
    names = [cell.lower() for cell in header]
    _check_columns(path, names)
    found = [
        _suspect(f"{path}: line {line:,}", line, _cells(path, line, names, cells))
        for line, cells in rows
    ]
    if not found:
        raise DatasetError(
            f"{path}: expected a line for each record below the names of the columns, "
            f"received none. {_NEXT}."
        )
    return _chosen(path, found, only)


def _read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields number and cells, without spaces around them, of lines that hold any."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(
            f"{path}: expected a readable file, received: {error.strerror}. Name the "
            "suspects.csv that 'mnist-pipeline data suspects' wrote."
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: expected a table in text in UTF-8, received another kind of "
            f"file. Save it as 'CSV UTF-8'. {_NEXT}."
        ) from error
    lines = text.splitlines()
    heading = next((line for line in lines if line.strip(f"{_SEPARATORS} ")), "")
    separator = max(_SEPARATORS, key=heading.count)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        if any(stripped):
            yield reader.line_num, stripped


def _check_columns(path: Path, names: Sequence[str]) -> None:
    # A spreadsheet may add columns without a name.
    given = [name for name in names if name]
    unknown = [name for name in given if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in given]
    twice = sorted({name for name in given if given.count(name) > 1})
    for problem, which in (
        ("unknown ones", unknown),
        ("a table without", missing),
        ("twice", twice),
    ):
        if which:
            raise DatasetError(
                f"{path}: expected the columns {', '.join(_NEEDED)} and, if wanted, "
                f"{', '.join(n for n in COLUMNS if n not in _NEEDED)}. Received: "
                f"{problem}: {some(which)}. {_NEXT}."
            )


def _cells(
    path: Path, line: int, names: Sequence[str], cells: Sequence[str]
) -> dict[str, str]:
    # Spreadsheets leave empty cells at the end of a line out, or add some.
    padded = [*cells, *[""] * (len(names) - len(cells))]
    if any(padded[len(names) :]):
        raise DatasetError(
            f"{path}: line {line:,}: expected {len(names)} cells, received "
            f"{len(cells)}. {_NEXT}."
        )
    return dict(zip(names, padded, strict=False))


def _suspect(where: str, line: int, cells: dict[str, str]) -> Suspect:
    split = cells["split"].lower()
    if split not in SPLITS:
        raise DatasetError(
            f"{where}: expected as split one of {', '.join(SPLITS)}, received "
            f"{split or 'nothing'}. {_NEXT}."
        )
    digest = cells["image_sha256"].lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise DatasetError(
            f"{where}: expected as image_sha256 64 hexadecimal digits, received "
            f"{digest[:70] or 'nothing'}. {_NEXT}."
        )
    return Suspect(
        line,
        split,
        cells["file"],
        _number(where, "record", cells),
        _number(where, "label", cells),
        digest,
        cells.get("finding", ""),
    )


def _number(where: str, name: str, cells: dict[str, str]) -> int:
    # Some programs write whole numbers as 7.0 or 7,0.
    text = re.sub(r"[.,]0+$", "", cells[name])
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise DatasetError(
            f"{where}: expected as {name} a whole number from 0, received "
            f"{cells[name] or 'nothing'}. {_NEXT}."
        )
    return int(text)


def _chosen(path: Path, found: list[Suspect], only: Sequence[str]) -> list[Suspect]:
    known = list(dict.fromkeys(one.finding for one in found if one.finding))
    for name in only:
        if name not in known:
            raise DatasetError(
                f"{path}: expected --only to name a finding of this file: "
                f"{some(known) or 'none is there'}. Received: {name}. Name one of "
                "them, or leave --only out to take all lines."
            )
    return [one for one in found if not only or one.finding in only]
