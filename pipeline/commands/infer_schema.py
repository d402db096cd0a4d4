"""``mnist-pipeline data infer-schema``: compare the curated schema with the data."""

from pathlib import Path

import click

from components.checkout import PROJECT_ROOT
from components.features import TRAIN
from components.image_spec import read_schema
from pipeline.datasets.schema import diff, infer

PATH = click.Path(path_type=Path)
COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command("infer-schema")
@click.argument(
    "folder", metavar="[DIR]", default=PROJECT_ROOT / "data" / "mnist", type=PATH
)
@click.option(
    "--schema",
    default=PROJECT_ROOT / "schema" / "schema.pbtxt",
    type=PATH,
    help="The curated schema to compare with; ours unless given.",
)
def infer_schema(folder: Path, schema: Path) -> None:
    """Compare the curated schema with one inferred from data.

    The data is that in DIR/train. A line with - stands in the curated schema alone,
    one with + in the inferred alone. Nothing is changed: what the data looks like is
    not yet what it must hold.
    """
    from rich.console import Console
    from rich.markup import escape

    curated = read_schema(schema)
    with Console(stderr=True, emoji=False).status(
        f"Reading {escape(str(folder / TRAIN))}"
    ):
        inferred = infer(folder / TRAIN)
    lines = list(diff(curated, inferred, str(schema), f"inferred from {folder}"))
    for line in lines:
        click.secho(line, fg=COLOURS.get(line[0]))
    if not lines:
        click.echo(f"The schema inferred from {folder} says the same as {schema}.")
