"""Measures the pipeline beside its peers and the limit, at scale, and serving.

``make bench`` runs it, on each TFX line in turn. It adds what it measured to
``results.json``, by TFX line, and writes ``RESULTS.md`` and its plot from that.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.contenders import run_contenders
from benchmarks.machine import current_commit
from benchmarks.pages import HERE
from benchmarks.pipeline_run import Task
from benchmarks.results import add_part
from benchmarks.scale import FACTORS, run_scale
from benchmarks.serving_speed import run_serving
from components.errors import PipelineError, UsageError
from pipeline.config import PRESETS, load_config
from pipeline.run.screen import NodeScreen

PARTS = ("contenders", "serving", "scale")
_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--only", "parts", multiple=True, default=PARTS, type=click.Choice(PARTS))
@click.option("--rounds", default=3, show_default=True, help="Of the contenders.")
@click.option("--serving-rounds", default=9, show_default=True)
@click.option("--scale-rounds", default=1, show_default=True)
@click.option(
    "--factor",
    "factors",
    multiple=True,
    type=click.IntRange(min=1),
    default=FACTORS,
    show_default=True,
    help="How many times the records, for the scale.",
)
@click.option(
    "--peers/--no-peers", default=True, help="Measure them beside this pipeline."
)
@click.option("--commit", help="What is measured, where git cannot say it.")
@click.option("--out", type=_PATH, default=HERE, help="Folder to write to, for a try.")
@click.option("--data", type=_PATH, help="Other records, for a try.")
@click.option("--preset", default="default", type=click.Choice(list(PRESETS)))
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE")
def main(
    parts: Sequence[str],
    rounds: int,
    serving_rounds: int,
    scale_rounds: int,
    factors: Sequence[int],
    peers: bool,
    commit: str | None,
    out: Path,
    data: Path | None,
    preset: str,
    overrides: tuple[str, ...],
) -> None:
    """Measure on this machine, which should have nothing else to do."""
    config = load_config(preset, overrides=overrides, data=data)
    if (data or overrides or preset != "default") and out.resolve() == HERE:
        raise UsageError(
            "Expected --data, --preset and --set to come with --out FOLDER: what is "
            "recorded is the default preset on the bundled records."
        )
    out.mkdir(parents=True, exist_ok=True)
    task = Task(config.data, preset, overrides)
    screen = NodeScreen(sys.stdout)

    recorder = functools.partial(_recorder, out, commit or current_commit())
    if "contenders" in parts:
        run_contenders(task, rounds, peers, screen, recorder("contenders", "rounds"))
    if "serving" in parts:
        save = recorder("serving", "ways", serving_rounds)
        run_serving(task, serving_rounds, screen, save)
    if "scale" in parts:
        run_scale(task, scale_rounds, factors, screen, recorder("scale", "rounds"))
    screen.print(f"wrote {out}")


def _recorder(
    out: Path, commit: str, part: str, key: str, count: int | None = None
) -> Callable[[Any], None]:
    """Returns what a part calls with what it measured so far.

    Args:
      out: folder to write to.
      commit: what is measured.
      part: one of ``PARTS``.
      key: names the measured figures in the part.
      count: rounds, where they are not the length of the figures.
    """

    def save(measured: Any) -> None:
        content = {"count": count or len(measured), key: measured}
        add_part(out, part, content, commit)

    return save


if __name__ == "__main__":
    try:
        main()
    except PipelineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
