"""``mnist-pipeline data``: convert data sets into TFRecords and verify them."""

import json
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import DatasetError

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.datasets.verify import DatasetReport

BUNDLED = Path(__file__).parents[2] / "data" / "mnist"
FOLDER = click.Path(path_type=Path)


@click.group()
def data() -> None:
    """Convert data sets into TFRecords and verify them."""
    # TensorFlow greets with a dozen lines; its errors reach us as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")


@data.command()
@click.option(
    "--idx",
    required=True,
    type=FOLDER,
    help="Folder with the four original IDX files, plain or .gz.",
)
@click.option("--out", required=True, type=FOLDER, help="New folder to write.")
@click.option(
    "--val",
    default=5000,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many of the last training items become the validation split.",
)
def convert(idx: Path, out: Path, val: int) -> None:
    """Write IDX files as train, val and test TFRecords.

    OUT appears whole or not at all; the same input gives the same bytes.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from pipeline.datasets.convert import write_dataset
    from pipeline.datasets.idx import read_splits

    splits = read_splits(idx, val)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with _clean_stop(), Progress(*columns, console=console, transient=True) as progress:
        total = sum(split.count for split in splits)
        task = progress.add_task("Writing records", total=total)
        write_dataset(splits, out, lambda count: progress.advance(task, count))
    counts = ", ".join(f"{split.name} {split.count:,}" for split in splits)
    click.echo(f"Wrote {total:,} records to {out}: {counts}.")


@contextmanager
def _clean_stop() -> Iterator[None]:
    """Lets SIGTERM unwind like Ctrl-C, so that half-written files are removed."""
    previous = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@data.command()
@click.argument("folder", metavar="[DIR]", default=BUNDLED, type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else.")
def verify(folder: Path, as_json: bool) -> None:
    """Check counts, checksums and the layout of every record in DIR.

    DIR holds train, val and test; the bundled MNIST unless given.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipeline.datasets.verify import verify_dataset

    with Console(stderr=True).status(f"Reading {escape(str(folder))}"):
        report = verify_dataset(folder)
    if as_json:
        click.echo(json.dumps(_as_json(report), indent=2))
    else:
        Console().print(_as_table(report))
    if report.problems:
        raise DatasetError("\n".join(report.problems))


def _as_json(report: "DatasetReport") -> dict[str, object]:
    return {
        "folder": str(report.folder),
        "ok": not report.problems,
        "checksums": report.checksums,
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
