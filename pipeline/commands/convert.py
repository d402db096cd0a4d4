"""``mnist-pipeline data convert``: writes data sets of other forms as TFRecords."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.errors import UsageError
from components.features import TEST, TRAIN, VAL
from pipeline.commands.options import clean_stop, quiet_pillow

if TYPE_CHECKING:
    from pipeline.datasets.source import Source
    from pipeline.datasets.splitting import Size

FOLDER = click.Path(path_type=Path)
# As the bundled MNIST was split, if at most a tenth of what there is.
OFFICIAL_VAL = 5000
SHARE = 0.1
SOURCES = ("idx", "images", "tfrecord", "npz", "csv", "parquet")
# Sources that come in the order of the official sets, with their count.
_OFFICIAL = ("idx", "npz")


class _SplitSize(click.ParamType[float]):
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


@click.command()
@click.option("--idx", type=FOLDER, help="Folder with MNIST's four IDX files, or .gz.")
@click.option(
    "--images", type=FOLDER, help="Folder with one folder of pictures a class."
)
@click.option(
    "--tfrecord",
    type=FOLDER,
    help="TFRecords with encoded pictures, as of TFDS, or floats, as of TFX's example.",
)
@click.option("--npz", type=FOLDER, help="NumPy file with x_train, y_train or x, y.")
@click.option(
    "--csv", type=FOLDER, help="Table of label,pixel0,..., with header or not."
)
@click.option("--parquet", type=FOLDER, help="Table of encoded pictures and labels.")
@click.option("--out", required=True, type=FOLDER, help="New folder to write.")
@click.option(
    "--val",
    type=_SplitSize(),
    help="Validation set to split off: a fraction of each class, or a count of the "
    "last training items. [default, if there is none: 5000 of 50,000 or more in IDX "
    "and NumPy files, else 0.1]",
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
@click.option(
    "--label", metavar="COLUMN", help="Column of the label, of CSV and Parquet."
)
@click.option("--invert", is_flag=True, help="Write negatives: 0 becomes 255.")
@click.option("--transpose", is_flag=True, help="Swap rows and columns: for EMNIST.")
@click.option("--skip-bad", is_flag=True, help="Leave out what cannot be used.")
def convert(
    out: Path,
    val: "Size | None",
    test: "Size | None",
    classes: Path | None,
    label: str | None,
    invert: bool,
    transpose: bool,
    skip_bad: bool,
    **paths: Path | None,
) -> None:
    """Write a data set as train, val and test TFRecords.

    Give one of --idx, --images, --tfrecord, --npz, --csv and --parquet, each a file or
    folder. OUT appears whole or not at all; the same input gives the same bytes. Splits
    that the source has are kept. Pictures are PNG, JPEG, WebP, BMP, GIF or TIFF.
    """
    from pipeline.datasets.convert import explained, require_new
    from pipeline.datasets.source import turned

    require_new(out)
    quiet_pillow()
    kind, path = _one_source(paths)
    with explained(out):
        source = turned(_open_source(kind, path, classes, label), invert, transpose)
        if VAL not in source.splits and val is None:
            many = (source.splits[TRAIN].count or 0) >= 10 * OFFICIAL_VAL
            val = OFFICIAL_VAL if kind in _OFFICIAL and many else SHARE
        if TEST not in source.splits and test is None:
            test = SHARE
        options = {"invert": invert, "transpose": transpose, "skip_bad": skip_bad}
        counts = _convert(source, str(path), val, test, out, options)
    written = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    click.echo(f"Wrote {sum(counts.values()):,} records to {out}: {written}.")
    for line in source.findings.lines():
        click.echo(line, err=True)


def _one_source(paths: dict[str, Path | None]) -> tuple[str, Path]:
    given = [(kind, path) for kind, path in paths.items() if path is not None]
    if len(given) != 1:
        options = [f"--{kind}" for kind in SOURCES]
        raise UsageError(
            f"Expected one of {', '.join(options[:-1])} and {options[-1]}. "
            f"Received: {'none' if not given else 'several'}."
        )
    return given[0]


def _open_source(
    kind: str, path: Path, classes: Path | None, label: str | None
) -> "Source":
    from pipeline.datasets import (
        csv_files,
        encoded_records,
        idx_source,
        image_folder,
        npz_files,
        parquet_files,
    )

    columns = {"csv": csv_files.read_source, "parquet": parquet_files.read_source}
    if kind in columns:
        return columns[kind](path, classes, label)
    if label is not None:
        raise UsageError(
            f"Expected --label with --csv or --parquet, which have columns. Received: "
            f"--{kind}. Leave it out."
        )
    readers = {
        "idx": idx_source.read_source,
        "images": image_folder.read_source,
        "tfrecord": encoded_records.read_source,
        "npz": npz_files.read_source,
    }
    return readers[kind](path, classes)


def _convert(
    source: "Source",
    root: str,
    val: "Size | None",
    test: "Size | None",
    out: Path,
    options: dict[str, bool],
) -> dict[str, int]:
    """Reads, splits and writes; returns the records of each split."""
    from pipeline.commands.progress import image_progress
    from pipeline.datasets.convert import existing_parent, write_dataset
    from pipeline.datasets.splitting import split_source

    sizes = [split.count for split in source.splits.values()]
    known = [size for size in sizes if size is not None]
    total = sum(known) if len(known) == len(sizes) else None
    with clean_stop(), image_progress() as progress:
        read = progress.add_task("Reading images", total=total)
        splits = split_source(
            source,
            val,
            test,
            existing_parent(out),
            lambda n: progress.advance(read, n),
            skip_bad=options["skip_bad"],
        )
        counts = {split.name: split.count for split in splits}
        write = progress.add_task("Writing records", total=sum(counts.values()))
        conversion: dict[str, Any] = {k: v for k, v in options.items() if v}
        write_dataset(
            splits,
            out,
            lambda n: progress.advance(write, n),
            classes=source.classes,
            conversion=conversion | source.findings.to_json(root),
        )
    return counts
