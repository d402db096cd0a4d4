"""``mnist-pipeline predict``: what a pushed model sees in pictures."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from components.errors import PipelineError, UsageError
from pipeline.commands.models import open_store
from pipeline.commands.options import model_option, of_one_store, quiet_tensorflow

if TYPE_CHECKING:
    from components.hyperparameters import Fit
    from pipeline.prediction.predictor import Prediction, ServedModel
    from pipeline.prediction.preparation import Preparation
    from pipeline.prediction.text import JsonLines, Table

BATCH_SIZE = 256
_MOST_NAMED = 5


_DARK = {"yes": 1, "no": -1, "auto": 0}


class _WithBareInvert(click.Command):
    """Takes ``--invert`` without a value for ``--invert yes``, wherever it stands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Writes the value out."""
        following = [*args, ""][1:]
        args = [
            "--invert=yes" if one == "--invert" and after not in _DARK else one
            for one, after in zip(args, following, strict=True)
        ]
        return super().parse_args(ctx, args)


@click.command(cls=_WithBareInvert)
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
    help="Also draw the first pictures, what the model saw, and its predictions.",
)
@click.option(
    "--top",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many classes to list for each picture.",
)
@click.option(
    "--fit",
    type=click.Choice(["ink", "page"]),
    help="Crop the ink and draw it as MNIST's digits are, or scale the whole page. "
    "Pictures of 28×28 are taken as they are. [default: as the model was made for, "
    "ink for digits]",
)
@click.option(
    "--invert",
    default="auto",
    show_default=True,
    type=click.Choice(list(_DARK)),
    help="Whether ink is darker than its ground; --invert alone says yes.",
)
@of_one_store
def predict(
    paths: tuple[Path, ...],
    version: int | None,
    as_json: bool,
    plot: Path | None,
    top: int,
    fit: "Fit | None",
    invert: str,
    workspace: Path | None,
    pipeline: str | None,
) -> None:
    """Classify pictures with the model that serves.

    Takes PNG, JPEG, WebP, BMP, GIF, TIFF and IDX files, and folders, of any depth, of
    pictures. Results come in the order given, those of a folder by path. A picture
    without ink is blank; an uncertain prediction is marked unsure.

    Exit codes: 0 every picture was read, 1 some could not be, 2 usage.
    """
    if plot is not None:
        _check_plot(plot, paths)
    store = open_store(workspace, pipeline)
    quiet_tensorflow()
    from pipeline.prediction.predictor import load_served_model
    from pipeline.prediction.preparation import Preparation
    from pipeline.prediction.text import JsonLines, Table

    model = load_served_model(store, version)
    pictures = model.pictures
    preparation = Preparation(
        pictures.spec.size, fit or pictures.fit, pictures.ground, _DARK[invert]
    )
    form = (JsonLines if as_json else Table)(model, top)
    tally = _predict_all(model, paths, preparation, form)
    if plot is not None:
        _draw(plot, tally, model.classes)
    _say_unsure(tally, model)
    _refuse_unread(tally)


@attrs.define
class _Tally:
    """What is kept of all pictures: counts, a few names, and the first to draw."""

    total: int = 0
    unreadable: int = 0
    unsure: int = 0
    missing: list[str] = attrs.field(factory=list)
    first_unreadable: list[str] = attrs.field(factory=list)
    first_unsure: list[str] = attrs.field(factory=list)
    first: "list[Prediction]" = attrs.field(factory=list)

    def add(self, batch: "Sequence[Prediction]", keep: int) -> None:
        """Counts a batch."""
        self.missing += [p.picture.name for p in batch if p.picture.missing]
        batch = [p for p in batch if not p.picture.missing]
        unreadable = [p.picture.name for p in batch if p.picture.seen is None]
        unsure = [p.picture.name for p in batch if p.unsure]
        self.total += len(batch)
        self.unreadable += len(unreadable)
        self.unsure += len(unsure)
        self.first_unreadable += unreadable[: _MOST_NAMED - len(self.first_unreadable)]
        self.first_unsure += unsure[: _MOST_NAMED - len(self.first_unsure)]
        readable = [p for p in batch if p.picture.seen is not None]
        self.first += readable[: keep - len(self.first)]


def _predict_all(
    model: "ServedModel",
    paths: Sequence[Path],
    preparation: "Preparation",
    form: "Table | JsonLines",
) -> _Tally:
    """Prints the predictions as they come, and the rate at the end."""
    from pipeline.commands.progress import image_progress
    from pipeline.prediction.inputs import read_pictures, survey
    from pipeline.prediction.plot import MOST
    from pipeline.prediction.predictor import predict_batches

    contents = survey(paths)
    others = _some_kinds(contents.others)
    if not contents.pictures and all(path.exists() for path in paths):
        besides = f" but {others}" if others else ""
        raise UsageError(
            "Expected a picture (PNG, JPEG, WebP, BMP, GIF or TIFF), an IDX file, or a "
            "folder with pictures. Received: "
            f"{', '.join(map(str, paths))}, with none{besides}."
        )
    tally, started = _Tally(), time.monotonic()
    with image_progress(redirect_stdout=sys.stdout.isatty()) as progress:
        task = progress.add_task("Classifying", total=contents.pictures)
        pictures = read_pictures(paths, preparation)
        for batch in predict_batches(model, pictures, BATCH_SIZE):
            for line in form.lines(batch):
                click.echo(line)
            tally.add(batch, keep=MOST)
            progress.update(task, completed=tally.total)
    seconds = time.monotonic() - started
    click.echo(
        f"{tally.total:,} image{'s'[: tally.total != 1]}, version {model.version}, "
        f"{seconds:.1f} s, {tally.total / seconds:,.0f} images/s",
        err=True,
    )
    if others:
        click.echo(f"Passed over in the folders: {others}.", err=True)
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
    from pipeline.prediction.plot import write_plot

    if not tally.first:
        click.echo(f"No picture could be read, so {plot} was not written.", err=True)
        return
    write_plot(plot, tally.first, classes)
    shown = f"{len(tally.first)} of {tally.total:,} pictures"
    click.echo(f"{plot} shows {shown}.", err=True)


def _say_unsure(tally: _Tally, model: "ServedModel") -> None:
    from pipeline.datasets.findings import some

    if tally.unsure:
        click.echo(
            f"Unsure: {tally.unsure:,} of {tally.total:,}: "
            f"{some(tally.first_unsure, tally.unsure)}.",
            err=True,
        )
    if model.bounds is None:
        click.echo(
            f"Version {model.version} was pushed without a measure of what to trust: "
            "no prediction is marked unsure. 'mnist-pipeline run' pushes one with it.",
            err=True,
        )
    elif not model.bounds.held_out:
        click.echo(
            f"Version {model.version} was trained on the validation split as well "
            "(train.use_val), where its confidence was measured: it seems surer than "
            "it is.",
            err=True,
        )


def _refuse_unread(tally: _Tally) -> None:
    """Raises where a picture could not be read, or a path does not exist."""
    from pipeline.datasets.findings import some

    said = []
    if tally.unreadable:
        said.append(
            f"{tally.unreadable:,} of {tally.total:,} that cannot: "
            f"{some(tally.first_unreadable, tally.unreadable)}"
        )
    if tally.missing:
        named = some(tally.missing[:_MOST_NAMED], len(tally.missing))
        said.append(f"{len(tally.missing):,} that do not exist: {named}")
    if said:
        rest = "; the others were classified" * (tally.unreadable < tally.total)
        raise PipelineError(
            f"Expected pictures that can be read. Received: {'; '.join(said)}. "
            f"The lines above say why{rest}."
        )


def _some_kinds(others: Mapping[str, int]) -> str:
    """How many files of other kinds there are, the most common first."""
    ranked = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    listed = [f"{count:,} {kind}" for kind, count in ranked[:_MOST_NAMED]]
    if more := ranked[_MOST_NAMED:]:
        listed.append(f"{sum(count for _, count in more):,} of other kinds")
    return ", ".join(listed)
