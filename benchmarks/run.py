"""Measures whole runs of the default preset: cold, then with nothing changed.

``make bench`` runs it, on each TFX line in turn. It adds what it measured to
``results.json``, by TFX line, and writes ``RESULTS.md`` from that.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import click
import jinja2

from benchmarks.machine import current_commit, describe_machine
from components.durable import replace_text
from pipeline.config import PROJECT_ROOT
from pipeline.tfx_line import installed_line

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"


@click.command()
@click.option("--runs", default=3, show_default=True, help="Cold runs to measure.")
@click.option("--commit", help="What is measured, where git cannot say it.")
def main(runs: int, commit: str | None) -> None:
    """Measure cold and cached runs of the default preset on this machine."""
    cold, cached = [], []
    for index in range(runs):
        with tempfile.TemporaryDirectory() as workspace:
            cold.append(_measure(workspace, f"cold run {index + 1} of {runs}"))
            cached.append(_measure(workspace, f"cached run {index + 1} of {runs}"))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[installed_line().name] = _record(cold, cached, commit or current_commit())
    replace_text(RESULTS, json.dumps(results, indent=2, sort_keys=True) + "\n")
    replace_text(HERE / "RESULTS.md", render(results))
    click.echo(f"wrote {RESULTS} and RESULTS.md")


def _measure(workspace: str, title: str) -> dict[str, Any]:
    """Runs the pipeline as a process of its own; returns its summary and wall time."""
    started = time.monotonic()
    command = [sys.executable, "-m", "pipeline.cli", "run", "--json"]
    done = subprocess.run(
        [*command, "--workspace", workspace],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    wall = time.monotonic() - started
    click.echo(f"{title}: {wall:.1f} s")
    return {**json.loads(done.stdout), "wall": wall}


def _record(cold: list[dict], cached: list[dict], commit: str) -> dict[str, Any]:
    nodes = [component["id"] for component in cold[0]["components"]]
    return {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": describe_machine(),
        "versions": cold[0]["versions"],
        "runs": len(cold),
        "wall": [round(run["wall"], 1) for run in cold],
        "cached_wall": [round(run["wall"], 1) for run in cached],
        "accuracy": [run["metrics"]["accuracy"] for run in cold],
        "node_seconds": {
            node: statistics.median(
                component["seconds"]
                for run in cold
                for component in run["components"]
                if component["id"] == node
            )
            for node in nodes
        },
    }


def render(results: dict[str, Any]) -> str:
    """Returns ``RESULTS.md`` from the content of ``results.json``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["median"] = statistics.median
    return environment.get_template("RESULTS.md.j2").render(
        lines=dict(sorted(results.items(), reverse=True))
    )


if __name__ == "__main__":
    main()
