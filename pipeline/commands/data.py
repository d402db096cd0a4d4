"""``mnist-pipeline data``: the group, and ``verify``, which checks a data folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from components.errors import DatasetError
from components.image_spec import read_image_spec
from pipeline.commands.options import (
    FILE,
    data_argument,
    json_option,
    quiet_tensorflow,
    schema_option,
)

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.datasets.listed_records import Listed
    from pipeline.datasets.verify import DatasetReport


@click.group()
def data() -> None:
    """Convert, verify and clean up data sets."""
    quiet_tensorflow()


@data.command()
@data_argument
@schema_option
@click.option(
    "--records",
    type=FILE,
    help="Also say which records of this suspects.csv are still there.",
)
@json_option
def verify(folder: Path, schema: Path, records: Path | None, as_json: bool) -> None:
    """Check counts, checksums and the layout of every record in DIR.

    DIR holds train, val and test; the bundled MNIST unless given. A record of --records
    is known by its image, wherever it is in its split now.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipeline.datasets.listed_records import find_listed
    from pipeline.datasets.suspects_file import read_suspects
    from pipeline.datasets.verify import verify_dataset

    spec = read_image_spec(schema)
    suspects = read_suspects(records) if records else []
    with Console(stderr=True, emoji=False).status(f"Reading {escape(str(folder))}"):
        report = verify_dataset(folder, spec)
        sound = suspects and not report.problems
        listed = find_listed(folder, suspects, spec) if sound else []
    if as_json:
        content = _as_json(report)
        if sound:
            content["listed"] = [attrs.asdict(one) for one in listed]
        click.echo(json.dumps(content, indent=2))
    else:
        Console(emoji=False).print(_as_table(report))
        if listed:
            Console(emoji=False).print(_listed_table(listed))
    if report.problems:
        raise DatasetError("\n".join(report.problems))


def _as_json(report: "DatasetReport") -> dict[str, object]:
    return {
        "folder": str(report.folder),
        "ok": not report.problems,
        "checksums": report.checksums,
        "classes": report.classes,
        "splits": {
            name: {**asdict(split), "ok": not split.problems}
            for name, split in report.splits.items()
        },
    }


def _as_table(report: "DatasetReport") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    checksums = "checksums compared" if report.checksums else "no checksums to compare"
    table = Table(title=escape(str(report.folder)), caption=checksums)
    table.add_column("split")
    for name in ("files", "records", "bytes", "records per class"):
        table.add_column(name, justify="right")
    table.add_column("ok")
    for name, split in report.splits.items():
        table.add_row(
            name,
            str(split.files),
            f"{split.records:,}",
            f"{split.bytes:,}",
            f"{min(split.labels):,}-{max(split.labels):,}",
            "no" if split.problems else "yes",
        )
    return table


def _listed_table(listed: "Sequence[Listed]") -> "Table":
    """Counts what became of the listed records, by what was found of them."""
    from rich.table import Table

    from pipeline.datasets.listed_records import STATES

    table = Table(title="records of the list")
    table.add_column("finding")
    for name in ("listed", *STATES):
        table.add_column(name, justify="right")
    for finding in dict.fromkeys(one.suspect.finding for one in listed):
        states = [one.state for one in listed if one.suspect.finding == finding]
        counts = [len(states), *(states.count(state) for state in STATES)]
        table.add_row(finding, *(f"{count:,}" for count in counts))
    return table
