"""The files of a DataAudit artifact: findings, suspects, and a sheet of the worst."""

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
from PIL import Image

from components.data.audit_findings import Finding
from components.data.audit_records import Records
from components.data.contact_sheet import contact_sheet

FINDINGS_FILE = "audit.json"
SUSPECTS_FILE = "suspects.csv"
# The last one says which image is meant, whatever its file and its place there.
COLUMNS = (
    "finding",
    "where",
    "split",
    "file",
    "record",
    "label",
    "score",
    "answer",
    "label_probability",
    "answer_probability",
    "image_sha256",
)
MOST_SUSPECTS = 10_000
_ON_A_SHEET = 60


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
) -> list[Measured]:
    """Writes ``audit.json``, ``suspects.csv`` and a PNG for each finding with suspects.

    Args:
      directory: exists.
      findings: in the order in which they are shown.
      splits: that their suspects are of.
      problem: why nothing was measured; empty where it was.

    Returns:
      What ``read_audit`` reads.
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
                table.writerows(suspect_rows(finding, records))
                sheet = re.sub(r"\W+", "-", f"{finding.name} {finding.where}") + ".png"
                _sheet(finding, records).save(folder / sheet, optimize=True)
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
    return measured


def read_audit(directory: str | Path) -> list[Measured]:
    """Reads ``audit.json``.

    Raises:
      OSError: it is gone.
    """
    text = (Path(directory) / FINDINGS_FILE).read_text(encoding="utf-8")
    return [Measured(**fields) for fields in json.loads(text)["findings"]]


def suspect_rows(finding: Finding, records: Records) -> list[tuple]:
    """Returns a cell for each of ``COLUMNS``, of each of the worst suspects."""
    return [
        (
            finding.name,
            finding.where,
            finding.split,
            Path(records.files[records.file[index]]).name,
            int(records.number[index]),
            int(records.labels[index]),
            round(float(finding.scores[rank]), 4),
            *_answer(finding, rank),
            image_sha256(records.images[index]),
        )
        for rank, index in enumerate(finding.suspects[:MOST_SUSPECTS].tolist())
    ]


def _answer(finding: Finding, rank: int) -> tuple:
    """The cells of a model's answer; empty where none was asked."""
    if not len(finding.answers):
        return "", "", ""
    own, other = (round(float(chance), 4) for chance in finding.chances[rank])
    return int(finding.answers[rank]), own, other


def image_sha256(image: np.ndarray) -> str:
    """Returns the SHA-256 of the pixels of an image, uint8 of any shape."""
    return hashlib.sha256(image.tobytes()).hexdigest()


def _sheet(finding: Finding, records: Records) -> Image.Image:
    worst = finding.suspects[:_ON_A_SHEET]
    captions = [str(label) for label in records.labels[worst]]
    if len(finding.answers):
        answers = finding.answers.tolist()
        captions = [f"{a} -> {b}" for a, b in zip(captions, answers, strict=False)]
    return contact_sheet(records.images[worst], captions)
