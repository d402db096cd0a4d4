"""``mnist-pipeline evaluate``: a pushed model on any records in our layout."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.classes import CLASSES_FILE, read_class_names
from components.errors import PipelineError, UsageError
from components.features import SPLITS, TEST
from components.litter import without_litter
from pipeline.commands.models import open_store
from pipeline.commands.options import (
    json_option,
    model_option,
    of_one_store,
    quiet_tensorflow,
)

if TYPE_CHECKING:
    from pipeline.prediction.accuracy import Accuracy
    from pipeline.prediction.predictor import ServedModel


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Which split of a data folder. [default: test]",
)
@model_option
@json_option
@of_one_store
def evaluate(
    folder: Path,
    split: str | None,
    version: int | None,
    as_json: bool,
    workspace: Path | None,
    pipeline: str | None,
) -> None:
    """Measure the model that serves on the records in DIR.

    DIR holds TFRecords, or splits of them, in the layout that 'data convert' writes.
    """
    place = find_records(folder, split)
    store = open_store(workspace, pipeline)
    quiet_tensorflow()
    from pipeline.prediction.predictor import load_served_model

    model = load_served_model(store, version)
    _check_classes(place, model)
    accuracy = _measure(model, place)
    if as_json:
        click.echo(json.dumps(_as_json(model, place, accuracy), indent=2))
    else:
        _print(model, place, accuracy)


def find_records(folder: Path, split: str | None) -> Path:
    """Returns the folder that holds the TFRecord files themselves.

    Raises:
      UsageError: there is none.
    """
    direct = bool(_files(folder))
    place = folder if direct and split is None else folder / (split or TEST)
    if not _files(place):
        received = "TFRecords" if direct else "no TFRecord"
        raise UsageError(
            f"Expected TFRecord files in {place}. Received: {received} in {folder}, "
            f"none in {place}. Name a folder of TFRecords or, with --split, of "
            f"{', '.join(SPLITS)}."
        )
    return place


def _files(folder: Path) -> list[Path]:
    return without_litter(path for path in folder.glob("*.tfrecord*") if path.is_file())


def _check_classes(place: Path, model: "ServedModel") -> None:
    """Refuses data whose classes have other names than those of the model."""
    for folder in (place, place.parent):
        if (folder / CLASSES_FILE).exists():
            names = read_class_names(folder, model.spec.classes)
            if names != tuple(model.classes):
                raise PipelineError(
                    f"Expected data of the classes that version {model.version} "
                    f"knows: {', '.join(model.classes)}. Received: "
                    f"{', '.join(names)}, from {folder / CLASSES_FILE}. Name other "
                    "data, or another model with --model or --workspace."
                )
            return


def _measure(model: "ServedModel", place: Path) -> "Accuracy":
    from pipeline.commands.progress import image_progress
    from pipeline.prediction.accuracy import measure

    with image_progress() as progress:
        task = progress.add_task("Classifying", total=None)
        return measure(
            model, _files(place), lambda count: progress.advance(task, count)
        )


def _as_json(model: "ServedModel", place: Path, accuracy: "Accuracy") -> dict[str, Any]:
    from pipeline.reporting.scores import class_scores

    scores = class_scores(accuracy.confusion)
    return {
        "model": {"path": str(model.path), "version": model.version},
        "data": {"path": str(place), "examples": accuracy.examples},
        "classes": list(model.classes),
        "accuracy": accuracy.accuracy,
        "loss": accuracy.loss,
        "per_class": {str(one.label): one.recall for one in scores},
        "precision": {str(one.label): one.precision for one in scores},
        "confusion_matrix": accuracy.confusion.tolist(),
    }


def _print(model: "ServedModel", place: Path, accuracy: "Accuracy") -> None:
    from rich.markup import escape

    from pipeline.reporting.scores import class_scores
    from pipeline.reporting.text import class_table, percent, short_percent, terminal

    console = terminal(sys.stdout)
    scores = class_scores(accuracy.confusion)
    columns = {
        "images": [f"{one.support:,}" for one in scores],
        "accuracy %": [short_percent(one.recall) for one in scores],
        "precision %": [short_percent(one.precision) for one in scores],
    }
    console.print(class_table(model.classes, columns))
    console.print(
        f"accuracy [bold]{percent(accuracy.accuracy)}[/], loss {accuracy.loss:.4f}, "
        f"version {model.version}, {accuracy.examples:,} images of {escape(str(place))}"
    )
