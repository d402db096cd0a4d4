"""``mnist-pipeline data``: convert data sets into TFRecords and verify them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import DatasetError, UsageError
from components.features import TEST, VAL
from pipeline.commands.options import clean_stop, quiet_tensorflow

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.datasets.source import Source
    from pipeline.datasets.splitting import Size
    from pipeline.datasets.verify import DatasetReport

BUNDLED = Path(__file__).parents[2] / "data" / "mnist"
FOLDER = click.Path(path_type=Path)
# As the bundled MNIST was split.
OFFICIAL_VAL = 5000
SHARE = 0.1


@click.group()
def data() -> None:
    """Convert data sets into TFRecords and verify them."""
    quiet_tensorflow()


class _SplitSize(click.ParamType):
    """A share of each class below 1, or a whole number of the last examples."""

    name = "FRACTION|COUNT"

    def convert(
        self,
        value: str | float,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float | int:
        try:
            size = int(value) if str(value).isdecimal() else float(value)
        except ValueError:
            size = 0
        if not 0 < size < 1 and not (isinstance(size, int) and size > 0):
            self.fail(
                f"expected a fraction between 0 and 1, like 0.1, or a count from 1. "
                f"Received: {value}.",
                param,
                ctx,
            )
        return size


@data.command()
@click.option("--idx", type=FOLDER, help="Folder with MNIST's four IDX files, or .gz.")
@click.option(
    "--tfrecord", type=FOLDER, help="Folder of TFRecords with PNG bytes and label."
)
@click.option(
    "--images", type=FOLDER, help="Folder with one folder of PNG or JPEG a class."
)
@click.option("--out", required=True, type=FOLDER, help="New folder to write.")
@click.option(
    "--val",
    type=_SplitSize(),
    help="Validation set to split off: a fraction of each class, or a count of the "
    "last training items. [default: 5000 of IDX, else 0.1 if there is none]",
)
@click.option(
    "--test",
    type=_SplitSize(),
    help="Test set to split off, likewise. [default: 0.1 if there is none]",
)
@click.option(
    "--classes",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON list of the 10 class names, in the order of the labels.",
)
def convert(
    idx: Path | None,
    tfrecord: Path | None,
    images: Path | None,
    out: Path,
    val: "Size | None",
    test: "Size | None",
    classes: Path | None,
) -> None:
    """Write a data set as train, val and test TFRecords.

    Give one of --idx, --tfrecord and --images. OUT appears whole or not at all; the
    same input gives the same bytes. Splits that the source has are kept.
    """
    from pipeline.datasets.convert import explain_os_errors, require_new

    require_new(out)
    with explain_os_errors(out):
        source = _open_source(idx, tfrecord, images, classes)
        if VAL not in source.splits and val is None:
            val = OFFICIAL_VAL if idx else SHARE
        if TEST not in source.splits and test is None:
            test = SHARE
        counts = _convert(source, val, test, out)
    if source.left_out:
        click.echo(
            f"Left out {len(source.left_out):,} files that are no PNG or JPEG, such "
            f"as {source.left_out[0]}.",
            err=True,
        )
    written = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    click.echo(f"Wrote {sum(counts.values()):,} records to {out}: {written}.")


def _convert(
    source: "Source", val: "Size | None", test: "Size | None", out: Path
) -> dict[str, int]:
    """Reads, splits and writes; returns the records of each split."""
    from pipeline.commands.progress import image_progress
    from pipeline.datasets.convert import existing_parent, write_dataset
    from pipeline.datasets.splitting import split_source

    sizes = [split.count for split in source.splits.values()]
    total = None if None in sizes else sum(sizes)
    with clean_stop(), image_progress() as progress:
        read = progress.add_task("Reading images", total=total)
        splits = split_source(
            source, val, test, existing_parent(out), lambda n: progress.advance(read, n)
        )
        counts = {split.name: split.count for split in splits}
        write = progress.add_task("Writing records", total=sum(counts.values()))
        write_dataset(
            splits,
            out,
            lambda n: progress.advance(write, n),
            classes=source.classes,
        )
    return counts


def _open_source(
    idx: Path | None, tfrecord: Path | None, images: Path | None, classes: Path | None
) -> "Source":
    from pipeline.datasets import encoded_records, image_folder
    from pipeline.datasets import idx as idx_files

    readers = (
        (idx, idx_files.read_source),
        (tfrecord, encoded_records.read_source),
        (images, image_folder.read_source),
    )
    given = [(folder, read) for folder, read in readers if folder is not None]
    if len(given) != 1:
        raise UsageError(
            "Expected one of --idx, --tfrecord and --images. "
            f"Received: {'none' if not given else 'several'}."
        )
    [(folder, read)] = given
    return read(folder, classes)


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

    with Console(stderr=True, emoji=False).status(f"Reading {escape(str(folder))}"):
        report = verify_dataset(folder)
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
