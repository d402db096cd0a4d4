"""``mnist-pipeline data``: the group, and ``verify``, which checks a data folder."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.checkout import PROJECT_ROOT
from components.errors import DatasetError
from components.image_spec import read_image_spec
from pipeline.commands.options import json_option, quiet_tensorflow

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.datasets.verify import DatasetReport

BUNDLED = PROJECT_ROOT / "data" / "mnist"
FOLDER = click.Path(path_type=Path)


@click.group()
def data() -> None:
    """Convert data sets into TFRecords and verify them."""
    quiet_tensorflow()


@data.command()
@click.argument("folder", metavar="[DIR]", default=BUNDLED, type=FOLDER)
@click.option(
    "--schema",
    default=PROJECT_ROOT / "schema" / "schema.pbtxt",
    type=FOLDER,
    help="Says what a record must hold; ours unless given.",
)
@json_option
def verify(folder: Path, schema: Path, as_json: bool) -> None:
    """Check counts, checksums and the layout of every record in DIR.

    DIR holds train, val and test; the bundled MNIST unless given.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipeline.datasets.verify import verify_dataset

    spec = read_image_spec(schema)
    with Console(stderr=True, emoji=False).status(f"Reading {escape(str(folder))}"):
        report = verify_dataset(folder, spec)
    if as_json:
        click.echo(json.dumps(_as_json(report), indent=2))
    else:
        Console(emoji=False).print(_as_table(report))
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
