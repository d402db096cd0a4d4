"""``mnist-pipeline data quarantine``: a data set without the records of a list."""

import shlex
from pathlib import Path

import click

from components.image_spec import read_image_spec
from pipeline.commands.options import FILE, FOLDER, clean_stop, schema_option


@click.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option(
    "--records",
    required=True,
    type=FILE,
    help="suspects.csv, by 'data suspects' or DataAudit, with the lines to act on.",
)
@click.option("--out", required=True, type=FOLDER, help="New folder to write.")
@click.option(
    "--reason",
    default="",
    metavar="TEXT",
    help="Why, for the list of what was moved. [default: the finding of each record]",
)
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Act on the lines of this finding alone; may be given again.",
)
@schema_option
def quarantine(
    folder: Path,
    records: Path,
    out: Path,
    reason: str,
    only: tuple[str, ...],
    schema: Path,
) -> None:
    """Write DIR without the records of a list, and these aside.

    OUT appears whole or not at all; DIR stays as it is. OUT/quarantine holds the
    records as TFRecords, a file a split, and records.csv, which says where each was and
    why it went. No run reads it. To keep a record after all, take its line out of the
    list and write another OUT.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipeline.datasets.convert import require_new
    from pipeline.datasets.quarantine import QUARANTINE
    from pipeline.datasets.quarantine import quarantine as move
    from pipeline.datasets.suspects_file import read_suspects

    spec = read_image_spec(schema)
    require_new(out)
    suspects = read_suspects(records, only)
    status = Console(stderr=True, emoji=False).status(f"Reading {escape(str(folder))}")
    with clean_stop(), status:
        done = move(folder, suspects, out, reason, spec)
    kept = ", ".join(f"{split} {count:,}" for split, count in done.kept.items())
    moved = ", ".join(f"{split} {count:,}" for split, count in done.moved.items())
    click.echo(f"Wrote {sum(done.kept.values()):,} records to {out}: {kept}.")
    click.echo(
        f"Moved {sum(done.moved.values()):,} records to {out / QUARANTINE}: {moved}."
    )
    click.echo(f"Next: mnist-pipeline run --data {shlex.quote(str(out))}")
