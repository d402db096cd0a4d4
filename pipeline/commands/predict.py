"""``mnist-pipeline predict``: what a pushed model sees in pictures."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from components.errors import PipelineError, UsageError
from pipeline.commands.models import open_store
from pipeline.commands.options import model_option, of_one_store, quiet_tensorflow

if TYPE_CHECKING:
    from pipeline.prediction import Prediction, ServedModel
    from pipeline.prediction_text import JsonLines, Table

BATCH_SIZE = 256
_MOST_NAMED = 5


@click.command()
@click.argument(
    "paths",
    metavar="IMAGE|DIR...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@model_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Also draw the first pictures with their probabilities.",
)
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(1, 10),
    help="How many classes to list for each picture.",
)
@click.option("--invert", is_flag=True, help="For dark ink on a bright ground.")
@of_one_store
def predict(
    paths: tuple[Path, ...],
    version: int | None,
    as_json: bool,
    plot: Path | None,
    top: int,
    invert: bool,
    workspace: Path | None,
    pipeline: str | None,
) -> None:
    """Classify pictures with the model that serves.

    Takes PNG, JPEG and IDX files, and folders, of any depth, of PNG and JPEG.
    Results come in the order given, those of a folder by path.

    Exit codes: 0 every picture was classified, 1 some could not be read, 2 usage.
    """
    if plot is not None:
        _check_plot(plot, paths)
    store = open_store(workspace, pipeline)
    quiet_tensorflow()
    from pipeline.prediction import load_served_model
    from pipeline.prediction_text import JsonLines, Table

    model = load_served_model(store, version)
    form = JsonLines if as_json else Table
    tally = _predict_all(model, paths, invert, form(model.classes, top))
    if plot is not None:
        _draw(plot, tally, model.classes)
    _say_inverted(tally, invert)
    if tally.unreadable:
        rest = "; the others were classified" * (tally.unreadable < tally.total)
        raise PipelineError(
            f"Expected pictures that can be read. Received: {tally.unreadable:,} of "
            f"{tally.total:,} that cannot: "
            f"{_some(tally.first_unreadable, tally.unreadable)}. "
            f"The lines above say why{rest}."
        )


@attrs.define
class _Tally:
    """What is kept of all pictures: counts, a few names, and the first to draw."""

    total: int = 0
    unreadable: int = 0
    inverted: int = 0
    first_unreadable: list[str] = attrs.field(factory=list)
    first_inverted: list[str] = attrs.field(factory=list)
    first: "list[Prediction]" = attrs.field(factory=list)

    def add(self, batch: "Sequence[Prediction]", keep: int) -> None:
        """Counts a batch."""
        unreadable = [p.picture.name for p in batch if p.probabilities is None]
        inverted = [p.picture.name for p in batch if p.picture.looks_inverted]
        self.total += len(batch)
        self.unreadable += len(unreadable)
        self.inverted += len(inverted)
        self.first_unreadable += unreadable[: _MOST_NAMED - len(self.first_unreadable)]
        self.first_inverted += inverted[: _MOST_NAMED - len(self.first_inverted)]
        readable = [p for p in batch if p.probabilities is not None]
        self.first += readable[: keep - len(self.first)]


def _predict_all(
    model: "ServedModel", paths: Sequence[Path], invert: bool, form: "Table | JsonLines"
) -> _Tally:
    """Prints the predictions as they come, and the rate at the end."""
    from pipeline.commands.progress import image_progress
    from pipeline.prediction import predict_batches
    from pipeline.prediction_inputs import count_pictures, read_pictures
    from pipeline.prediction_plot import MOST

    total = count_pictures(paths)
    if not total:
        raise UsageError(
            "Expected a PNG, JPEG or IDX file, or a folder with PNG or JPEG files. "
            f"Received: {', '.join(map(str, paths))}, with none."
        )
    tally, started = _Tally(), time.monotonic()
    with image_progress(redirect_stdout=sys.stdout.isatty()) as progress:
        task = progress.add_task("Classifying", total=total)
        pictures = read_pictures(paths, invert)
        for batch in predict_batches(model, pictures, BATCH_SIZE):
            for line in form.lines(batch):
                click.echo(line)
            tally.add(batch, keep=MOST)
            progress.advance(task, len(batch))
    seconds = time.monotonic() - started
    click.echo(
        f"{tally.total:,} image{'s'[: tally.total != 1]}, version {model.version}, "
        f"{seconds:.1f} s, {tally.total / seconds:,.0f} images/s",
        err=True,
    )
    return tally


def _check_plot(plot: Path, paths: Sequence[Path]) -> None:
    """Refuses, before any work, a plot that could not be written or would hide data."""
    if plot.suffix.lower() != ".png" or not plot.parent.is_dir():
        raise UsageError(
            "Expected --plot to name a .png file in a folder that exists. "
            f"Received: {plot}."
        )
    place = plot.resolve()
    if plot.is_dir() or (
        plot.exists() and any(place.is_relative_to(p.resolve()) for p in paths)
    ):
        raise UsageError(
            f"Expected --plot to name a file that is none of the pictures. Received: "
            f"{plot}. Name another one."
        )


def _draw(plot: Path, tally: _Tally, classes: Sequence[str]) -> None:
    from pipeline.prediction_plot import write_plot

    if not tally.first:
        click.echo(f"No picture could be read, so {plot} was not written.", err=True)
        return
    write_plot(plot, tally.first, classes)
    shown = f"{len(tally.first)} of {tally.total:,} pictures"
    click.echo(f"{plot} shows {shown}.", err=True)


def _say_inverted(tally: _Tally, invert: bool) -> None:
    if tally.inverted:
        advice = "Leave out --invert for them." if invert else "Try --invert."
        click.echo(
            f"{tally.inverted:,} of {tally.total:,} pictures "
            f"look{'s' if tally.inverted == 1 else ''} like dark ink on a bright "
            f"ground: {_some(tally.first_inverted, tally.inverted)}. The model "
            f"knows bright ink on black. {advice}",
            err=True,
        )


def _some(names: Sequence[str], count: int) -> str:
    """The names, and how many there are besides."""
    from pipeline.prediction_text import printable

    listed = ", ".join(map(printable, names))
    return listed + (f" and {count - len(names):,} more" if count > len(names) else "")
