"""``mnist-pipeline models``: the published versions, listed, verified, changed."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.errors import PipelineError, UsageError
from pipeline.commands.options import ListsByDefault, json_option, of_one_store
from pipeline.config import load_config

if TYPE_CHECKING:
    from rich.table import Table

    from components.publishing.store import ModelStore


@click.group(cls=ListsByDefault)
def models() -> None:
    """List, find, verify, roll back, prune published models.

    Without a command, it lists them.
    """


@models.command("list")
@json_option
@of_one_store
def list_versions(as_json: bool, workspace: Path | None, pipeline: str | None) -> None:
    """Show every version, oldest first, and verify its files."""
    store = open_store(workspace, pipeline)
    rows = [describe(store, version) for version in store.versions()]
    if rows:
        # A server loads the highest number, whatever it finds there.
        rows[-1]["serving"] = True
    if as_json:
        click.echo(json.dumps({"path": str(store.base), "versions": rows}, indent=2))
        return
    if not rows:
        click.echo(f"No version in {store.base}; 'mnist-pipeline run' pushes one.")
        return
    from pipeline.reporting.text import terminal

    console = terminal(sys.stdout)
    console.print(_as_table(rows))
    for row in rows:
        if row["problem"]:
            console.print(f"{row['version']}: {row['problem']}", markup=False)


@models.command()
@click.argument("versions", metavar="[VERSION]...", nargs=-1, type=click.IntRange(1))
@of_one_store
def verify(
    versions: Sequence[int], workspace: Path | None, pipeline: str | None
) -> None:
    """Check the SHA-256 of every file.

    Of each VERSION, or of all versions when none is given.
    """
    store = open_store(workspace, pipeline)
    problems = []
    for version in versions or store.published():
        try:
            store.require_whole(version)
        except UsageError:
            raise
        except PipelineError as error:
            problems.append(str(error))
        else:
            click.echo(f"{version}: all files as published")
    if problems:
        raise PipelineError("\n".join(problems))


@models.command()
@click.argument("version", metavar="[VERSION]", required=False, type=click.IntRange(1))
@of_one_store
def path(version: int | None, workspace: Path | None, pipeline: str | None) -> None:
    """Print the folder of VERSION (default: the one that serves), nothing else.

    For a shell: "$(mnist-pipeline models path)".
    """
    store = open_store(workspace, pipeline)
    version = version or store.published()[-1]
    store.manifest(version)
    click.echo(store.path(version).absolute())


@models.command()
@click.argument("version", metavar="[VERSION]", required=False, type=click.IntRange(1))
@of_one_store
def rollback(version: int | None, workspace: Path | None, pipeline: str | None) -> None:
    """Serve VERSION again (default: the one before the newest).

    It is verified, then published once more under a new number, so that model
    servers pick it up.
    """
    store = open_store(workspace, pipeline)
    store.published()
    new = store.rollback(version)
    original = store.manifest(new).rollback_of
    click.echo(f"{store.path(new)} serves; it is a copy of version {original}.")


@models.command()
@click.option(
    "--keep",
    required=True,
    type=click.IntRange(1),
    help="How many of the newest versions to keep.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, no more.")
@of_one_store
def prune(
    keep: int, dry_run: bool, workspace: Path | None, pipeline: str | None
) -> None:
    """Remove all but the newest versions, never the one that serves.

    Folders without a manifest of their own are left alone.
    """
    store = open_store(workspace, pipeline)
    removed = store.prunable(keep) if dry_run else store.prune(keep)
    for version in removed:
        click.echo(f"{'Would remove' if dry_run else 'Removed'} {store.path(version)}")
    if not removed:
        click.echo(f"Nothing to remove from {store.base}.")


def open_store(workspace: Path | None, pipeline: str | None) -> "ModelStore":
    """Returns the store of a pipeline in a workspace.

    Without a name it is the default pipeline or, where that never pushed, the only
    one that did.

    Raises:
      UsageError: no pipeline of that name pushed there, or several did and none was
        named.
    """
    from components.publishing.store import ModelStore

    base = load_config(workspace=workspace, pipeline=pipeline).serving
    if base.is_dir():
        return ModelStore(base)
    known = sorted(path for path in base.parent.glob("*/") if path.is_dir())
    if pipeline is None and len(known) < 2:
        return ModelStore(known[0] if known else base)
    raise UsageError(
        f"Expected a pipeline with published models in {base.parent}. Received: "
        f"{pipeline or 'no --pipeline'}. Pipelines there: "
        f"{', '.join(path.name for path in known) or 'none'}."
    )


def describe(store: "ModelStore", version: int) -> dict[str, Any]:
    """Returns what ``models list`` says of a version, as JSON values."""
    from components.publishing.manifest import listed

    row: dict[str, Any] = {
        "version": version,
        "time": None,
        "run_id": None,
        "accuracy": None,
        "bytes": store.size(version),
        "serving": False,
        "verified": False,
        "rollback_of": None,
        "problem": None,
    }
    try:
        manifest = store.manifest(version)
        changes = store.verify(version)
    except PipelineError as error:
        return row | {"problem": str(error)}
    return row | {
        "time": manifest.time.isoformat(),
        "run_id": manifest.run_id,
        "accuracy": manifest.metrics and manifest.metrics.accuracy,
        "verified": not changes,
        "rollback_of": manifest.rollback_of,
        "problem": listed(changes) or None,
    }


def _as_table(rows: Sequence[dict[str, Any]]) -> "Table":
    from rich.markup import escape

    from pipeline.reporting.text import percent, plain_table

    table = plain_table(
        *("version", "time, UTC", "run"),
        *("accuracy>", "MB>"),
        *("verified", "serves", "rollback of"),
    )
    for row in rows:
        table.add_row(
            str(row["version"]),
            (row["time"] or "")[:19].replace("T", " "),
            escape(row["run_id"] or ""),
            percent(row["accuracy"]),
            f"{row['bytes'] / 1e6:.1f}",
            "yes" if row["verified"] else "[red]no[/]",
            "yes" if row["serving"] else "",
            str(row["rollback_of"] or ""),
        )
    return table
