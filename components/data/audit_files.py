"""The files of a DataAudit artifact: findings, suspects, and a sheet of the worst."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
from PIL import Image

from components.data.audit_findings import Finding
from components.data.audit_records import Records

FINDINGS_FILE = "audit.json"
SUSPECTS_FILE = "suspects.csv"
COLUMNS = ("finding", "where", "split", "file", "record", "label", "score")
_MOST_SUSPECTS = 1000
_ON_A_SHEET = 60
_COLUMNS = 20
_CELL = 44


@attrs.frozen
class Measured:
    """A finding as it is read back.

    Attributes:
      name: what was measured.
      where: the split, or two of them.
      value: the share of records, or what ``name`` says.
      count: records that it was measured on.
      note: what stands out most.
      suspects: how many records speak for it.
      sheet: name of the file that shows the worst of them; empty where none do.
    """

    name: str
    where: str
    value: float
    count: int
    note: str
    suspects: int
    sheet: str


def write_audit(
    directory: str | Path,
    findings: Sequence[Finding],
    splits: Mapping[str, Records],
    problem: str = "",
) -> None:
    """Writes ``audit.json``, ``suspects.csv`` and a PNG for each finding with suspects.

    Args:
      directory: exists.
      findings: in the order in which they are shown.
      splits: that their suspects are of.
      problem: why nothing was measured; empty where it was.
    """
    folder = Path(directory)
    measured = []
    with (folder / SUSPECTS_FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for finding in findings:
            sheet = ""
            if len(finding.suspects):
                records = splits[finding.split]
                table.writerows(_rows(finding, records))
                sheet = re.sub(r"\W+", "-", f"{finding.name} {finding.where}") + ".png"
                worst = records.images[finding.suspects[:_ON_A_SHEET]]
                _sheet(worst).save(folder / sheet, optimize=True)
            measured.append(
                Measured(
                    finding.name,
                    finding.where,
                    finding.value,
                    finding.count,
                    finding.note,
                    len(finding.suspects),
                    sheet,
                )
            )
    content = {"findings": [attrs.asdict(one) for one in measured], "problem": problem}
    (folder / FINDINGS_FILE).write_text(
        json.dumps(content, indent=2) + "\n", encoding="utf-8"
    )


def read_audit(directory: str | Path) -> list[Measured]:
    """Reads ``audit.json``.

    Raises:
      OSError: it is gone.
    """
    text = (Path(directory) / FINDINGS_FILE).read_text(encoding="utf-8")
    return [Measured(**fields) for fields in json.loads(text)["findings"]]


def _rows(finding: Finding, records: Records) -> list[tuple]:
    return [
        (
            finding.name,
            finding.where,
            finding.split,
            Path(records.files[records.file[index]]).name,
            int(records.number[index]),
            int(records.labels[index]),
            round(float(score), 4),
        )
        for index, score in zip(
            finding.suspects[:_MOST_SUSPECTS].tolist(), finding.scores, strict=False
        )
    ]


def _sheet(images: np.ndarray) -> Image.Image:
    """Lays images uint8 [n, h, w] out in rows, with a gap between them."""
    rows = -(-len(images) // _COLUMNS)
    columns = min(len(images), _COLUMNS)
    height, width = images.shape[1:]
    scale = max(_CELL // max(height, width), 1)
    down, across = height * scale + 2, width * scale + 2
    sheet = np.full((rows * down, columns * across), 128, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, _COLUMNS)
        top, left = row * down, column * across
        large = np.kron(image, np.ones((scale, scale), np.uint8))
        sheet[top : top + height * scale, left : left + width * scale] = large
    return Image.fromarray(sheet)
