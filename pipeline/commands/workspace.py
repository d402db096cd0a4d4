"""``mnist-pipeline workspace``: what a workspace holds that nothing needs."""

from pathlib import Path

import click

from components.durable import explain_full_disk
from components.errors import UsageError
from pipeline.commands.options import workspace_option
from pipeline.config import load_config
from pipeline.metadata.file import check_metadata
from pipeline.workspace.identity import settle_workspace
from pipeline.workspace.lock import workspace_lock

_KEPT_RUNS = 3


@click.group()
def workspace() -> None:
    """Remove artifacts that nothing needs any more."""


@workspace.command()
@click.option(
    "--keep",
    default=_KEPT_RUNS,
    show_default=True,
    type=click.IntRange(1),
    help="How many of the newest runs to keep.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, no more.")
@workspace_option
def clean(keep: int, dry_run: bool, workspace: Path | None) -> None:
    """Remove the artifacts of older runs.

    Kept are those of the newest runs, of the last run that pushed and the last that
    each gate refused, the models behind published versions and the baseline, and the
    data that later data and models are measured against. Reports, logs and published
    versions are never touched. A later run makes again what it needs.
    """
    config = load_config(workspace=workspace)
    # Taking the lock would make the folder.
    if not config.workspace.is_dir():
        raise UsageError(
            f"Expected --workspace to name a workspace. Received: {config.workspace}, "
            "which is no folder. 'mnist-pipeline run' makes one."
        )
    with (
        explain_full_disk(config.workspace),
        workspace_lock(config.workspace, "workspace clean"),
    ):
        check_metadata(config.metadata)
        from pipeline.history.cleaning import find_removable, remove

        settle_workspace(config)
        found = find_removable(config, keep)
        if not dry_run:
            remove(config, found)
    said = "Would remove" if dry_run else "Removed"
    for one in found:
        made = f", of run {one.run_id}" if one.run_id else ""
        click.echo(f"{said} {one.path}, {one.size / 1e6:.1f} MB{made}")
    if not found:
        click.echo(f"Nothing to remove from {config.artifacts}.")
        return
    total = sum(one.size for one in found)
    plural = "" if len(found) == 1 else "s"
    click.echo(f"{said} {len(found)} artifact{plural}, {total:,} bytes.")
