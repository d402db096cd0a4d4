"""``mnist-pipeline data suspects``: the most suspicious records, listed and drawn."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from components.classes import read_class_names
from components.errors import UsageError
from components.image_spec import ImageSpec, read_image_spec
from pipeline.commands.models import open_store
from pipeline.commands.options import (
    FOLDER,
    data_argument,
    json_option,
    of_one_store,
    schema_option,
)
from pipeline.commands.run import new_run_id
from pipeline.config import load_config

if TYPE_CHECKING:
    from rich.table import Table

    from components.data.audit_files import Measured
    from components.data.audit_records import Records
    from components.data.profile import Profile
    from components.publishing.store import ModelStore
    from pipeline.prediction.predictor import ServedModel
    from pipeline.prediction.suspects import Suspicious


@click.command()
@data_argument
@click.option(
    "--model",
    metavar="VERSION|FOLDER",
    help="The pushed model to ask. [default: the newest, if there is one]",
)
@schema_option
@click.option(
    "--top",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="How many of the most suspicious records to print.",
)
@click.option(
    "--out",
    type=FOLDER,
    help="New folder for list and pictures. [default: one in the workspace]",
)
@json_option
@of_one_store
def suspects(
    folder: Path,
    model: str | None,
    schema: Path,
    top: int,
    out: Path | None,
    as_json: bool,
    workspace: Path | None,
    pipeline: str | None,
) -> None:
    """List and draw the most suspicious records in DIR.

    DIR holds train, val and test; the bundled MNIST unless given. Suspicious is a label
    that the model, or a quick classifier fitted on the other records, finds wrong, an
    image unlike the others, and a copy. Judges nothing and changes no data.
    """
    from rich.console import Console
    from rich.markup import escape

    from pipeline.datasets.convert import new_folder, require_new

    spec = read_image_spec(schema)
    config = load_config(workspace=workspace)
    out = out or config.workspace / "suspects" / new_run_id()
    require_new(out)
    with Console(stderr=True, emoji=False).status("Loading") as status:
        from components.data.audit_files import write_audit
        from pipeline.prediction import suspects as library

        asked = _load_model(model, workspace, pipeline, folder, spec)
        status.update(f"Reading {escape(str(folder))}")
        splits = library.read_splits(folder, spec)
        status.update("Comparing the records")
        findings = library.find_suspects(splits, spec, asked.model, asked.previous)
        with new_folder(out) as staged:
            measured = write_audit(staged, findings, splits)
    found = _Found(
        folder,
        out,
        asked,
        splits,
        measured,
        library.most_suspicious(findings, splits, top),
    )
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
    else:
        _print(found)


@dataclass(frozen=True)
class _Asked:
    """The model that was asked, the profile of its data, and why none was."""

    model: "ServedModel | None" = None
    previous: "Profile | None" = None
    why_none: str = ""


@dataclass(frozen=True)
class _Found:
    """What is shown."""

    folder: Path
    out: Path
    asked: _Asked
    splits: "Mapping[str, Records]"
    measured: "Sequence[Measured]"
    worst: "Sequence[Suspicious]"


def _load_model(
    wanted: str | None,
    workspace: Path | None,
    pipeline: str | None,
    folder: Path,
    spec: ImageSpec,
) -> _Asked:
    """Loads the model to ask; one that was not named may be missing or not fit."""
    from pipeline.prediction.predictor import load_served_model
    from pipeline.prediction.suspects import profile_behind

    store, version = _find(wanted, workspace, pipeline)
    if version is None:
        return _Asked(
            why_none=f"none is published in {store.base}; 'mnist-pipeline run' pushes "
            "one, --workspace and --model name others"
        )
    model = load_served_model(store, version)
    misfit = _misfit(model, folder, spec)
    if misfit and wanted is None:
        return _Asked(why_none=f"version {version} {misfit}; --model names another")
    if misfit:
        raise UsageError(
            f"Expected a model for {folder}. Received: version {version}, which "
            f"{misfit}. Name another model, or other data with another --schema."
        )
    return _Asked(model, profile_behind(store, version))


def _find(
    wanted: str | None, workspace: Path | None, pipeline: str | None
) -> "tuple[ModelStore, int | None]":
    """Returns where a version is, and which; none where none is published."""
    from components.publishing.store import ModelStore

    if wanted is None:
        store = open_store(workspace, pipeline)
        return store, max(store.versions(), default=None)
    path = Path(wanted)
    number = path.absolute().name
    if not number.isdecimal() or int(number) < 1:
        raise UsageError(
            "Expected --model to name a version, or its folder, whose name is the "
            f"version. Received: {wanted}. 'mnist-pipeline models' lists them."
        )
    if path.is_dir():
        return ModelStore(path.absolute().parent), int(number)
    if len(path.parts) > 1:
        raise UsageError(
            f"Expected --model to name a folder that exists. Received: {wanted}. "
            "'mnist-pipeline models path' prints one."
        )
    return open_store(workspace, pipeline), int(number)


def _misfit(model: "ServedModel", folder: Path, spec: ImageSpec) -> str:
    """Says why a model cannot be asked about the data; empty where it can."""
    if model.spec != spec:
        return (
            f"takes images of {model.spec.height}x{model.spec.width} and knows "
            f"{model.spec.classes} classes, not {spec.height}x{spec.width} and "
            f"{spec.classes}"
        )
    from pipeline.datasets.findings import some

    names = read_class_names(folder, spec.classes)
    if names != tuple(model.classes):
        return f"knows {some(model.classes)}, not {some(names)}"
    return ""


def _as_json(found: _Found) -> dict[str, Any]:
    from components.data.audit_findings import WRONG_LABELS

    wrong = {one.where: one.value for one in found.measured if one.name == WRONG_LABELS}
    model = found.asked.model
    return {
        "folder": str(found.folder),
        "model": model and {"path": str(model.path), "version": model.version},
        "out": str(found.out),
        "splits": {
            name: {
                "records": records.total,
                "looked_at": len(records.labels),
                "wrong_labels": wrong.get(name),
            }
            for name, records in found.splits.items()
        },
        "findings": [attrs.asdict(one) for one in found.measured],
        "suspects": [attrs.asdict(one) for one in found.worst],
    }


def _print(found: _Found) -> None:
    from rich.markup import escape

    from pipeline.reporting.text import terminal

    console = terminal(sys.stdout)
    model, out = found.asked.model, escape(str(found.out))
    if model:
        console.print(f"Asked version {model.version}, {escape(str(model.path))}.")
    else:
        console.print(f"No model was asked: {escape(found.asked.why_none)}.")
    for split, records in found.splits.items():
        if len(records.labels) < records.total:
            console.print(
                f"Looked at {len(records.labels):,} of {records.total:,} records of "
                f"{split}, drawn at random."
            )
    console.print()
    console.print(_findings_table(found.measured))
    console.print()
    if not found.worst:
        console.print(f"No record is suspicious. {out} holds what was measured.")
        return
    console.print(_worst_table(found))
    console.print(
        f"\n{out} holds suspects.csv, which lists these and the others, and their "
        "pictures. Look at them, remove the lines of good records, then:"
    )
    names = (shlex.quote(str(path)) for path in (found.folder, found.out))
    folder, list_of = names
    console.print(
        f"  mnist-pipeline data quarantine {folder} --records {list_of}/suspects.csv "
        f"--out NEW",
        markup=False,
    )


def _findings_table(measured: "Sequence[Measured]") -> "Table":
    from pipeline.reporting.text import number, plain_table

    table = plain_table("measured", "where", "value>", "records>", "most+")
    for one in measured:
        table.add_row(
            one.name,
            one.where,
            number(one.value),
            f"{one.suspects:,}" if one.suspects else "",
            one.note,
        )
    return table


def _worst_table(found: _Found) -> "Table":
    from rich.markup import escape

    from components.classes import default_names, describe_class
    from pipeline.reporting.text import plain_table

    model = found.asked.model
    classes = model.classes if model else ()
    table = plain_table(
        "split", "file", "record>", "label", "answer", "p(label)>", "p(answer)>", "why+"
    )
    for one in found.worst:
        names = classes or default_names(max(one.label, one.answer or 0) + 1)
        table.add_row(
            one.split,
            escape(one.file),
            str(one.record),
            escape(describe_class(one.label, names)),
            *_answer_cells(one, names),
            ", ".join(one.findings),
        )
    return table


def _answer_cells(one: "Suspicious", classes: "Sequence[str]") -> list[str]:
    """Returns what the model says; empty cells where none was asked."""
    from rich.markup import escape

    from components.classes import describe_class

    if one.answer is None:
        return ["", "", ""]
    shares = (one.label_probability, one.answer_probability)
    answer = escape(describe_class(one.answer, classes))
    return [answer, *(f"{share:.4f}" for share in shares)]
