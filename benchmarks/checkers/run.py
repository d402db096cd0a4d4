"""Measures this pipeline beside other checkers of data, on the same planted defects.

``make checkers`` runs it, and writes ``checkers.json`` and the pages that show it.
"""

import json
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import click

from benchmarks.checkers.environment import make_environment
from benchmarks.checkers.verdicts import judge, summarize
from benchmarks.docs import write_pages
from benchmarks.machine import current_commit, describe_machine
from benchmarks.pages import HERE
from benchmarks.processes import module, run_measured
from components.durable import replace_text
from components.errors import PipelineError
from pipeline.environment.tfx_line import installed_line
from pipeline.run.screen import NodeScreen

RESULTS = HERE / "checkers.json"
OURS = "ours"
PEERS = ("deepchecks", "cleanlab", "cleanvision")


@click.command()
@click.option(
    "--every", default=8, show_default=True, help="1 takes all kinds of defects."
)
@click.option("--good", default=3, show_default=True, help="Draws to take bounds from.")
@click.option("--clean", default=4, show_default=True, help="Draws for false alarms.")
@click.option(
    "--python", default=sys.executable, help="A Python 3.10 for the others, if not this"
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=RESULTS, help="For a try."
)
def main(every: int, good: int, clean: int, python: str, out: Path) -> None:
    """Measure on this machine, which should have nothing else to do."""
    screen = NodeScreen(sys.stdout)
    found = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        data = root / "data"
        data.mkdir()
        with screen.step("planted defects and good draws"):
            options = [data, "--every", every, "--good", good, "--clean", clean]
            run_measured(module("benchmarks.checkers.data_sets", *options))
        with screen.step("an environment for the others"):
            theirs = make_environment(root / "environment", python)
        for checker in (OURS, *PEERS):
            file = root / f"{checker}.json"
            with screen.step(checker):
                run_measured(_command(checker, theirs, data, file))
            found[checker] = json.loads(file.read_text(encoding="utf-8"))
    measured = {**_origin(), "every": every, "good": good, **compare(found)}
    replace_text(out, json.dumps(measured, indent=1, ensure_ascii=False) + "\n")
    if out == RESULTS:
        write_pages()
    screen.print(f"wrote {out}")


def _command(checker: str, python: str, data: Path, file: Path) -> list[str]:
    if checker == OURS:
        return module("benchmarks.checkers.ours", data, file)
    peer = [python, "-m", "benchmarks.checkers.peer", checker]
    return [*peer, str(data), str(file)]


def compare(found: dict[str, Any]) -> dict[str, Any]:
    """Puts what the checkers say of each data set side by side.

    Args:
      found: by checker, as ``exchange.check_all`` writes it.

    Returns:
      ``checkers``: their versions, counts and seconds; ``rows``: a data set each, with
      its name, its part and, by checker, the verdict and what raised it.
    """
    rows: dict[str, dict[str, Any]] = {}
    checkers = {}
    for checker, content in found.items():
        results = content["results"]
        checkers[checker] = {"versions": content["versions"], **summarize(results)}
        for one in judge(results):
            row = rows.setdefault(
                one["name"], {"name": one["name"], "part": one["part"], "verdicts": {}}
            )
            row["verdicts"][checker] = {"verdict": one["verdict"], "by": one["by"]}
    return {"checkers": checkers, "rows": list(rows.values())}


def _origin() -> dict[str, str]:
    return {
        "tfx": installed_line().tfx,
        "machine": describe_machine(),
        "commit": current_commit(),
        "date": date.today().isoformat(),
    }


if __name__ == "__main__":
    try:
        main()
    except PipelineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
