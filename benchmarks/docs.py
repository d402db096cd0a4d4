"""Writes the measured figures into all pages; ``make docs`` runs it.

Figures stand in JSON files that programs write: ``results.json``, ``accuracy.json``,
``defects.json``, ``checkers.json``, ``sample.json`` and ``platforms.json``, all beside
this module.
"""

import sys
from pathlib import Path

import click

from benchmarks.blocks import fill, read
from benchmarks.pages import (
    HERE,
    accuracy_page,
    checkers_page,
    defects_page,
    results_page,
)
from benchmarks.recordings import record_sample, record_tests
from components.checkout import PROJECT_ROOT
from components.durable import replace_text
from components.errors import PipelineError

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def all_pages() -> dict[Path, str]:
    """Returns each page with measured figures, as the JSON files give it."""
    pages = {
        HERE / "RESULTS.md": results_page(read("results.json")),
        HERE / "ACCURACY.md": accuracy_page(read("accuracy.json")),
        HERE / "DEFECTS.md": defects_page(read("defects.json")),
    }
    # Not every release is measured beside the other checkers.
    if (HERE / "checkers.json").exists():
        pages[HERE / "CHECKERS.md"] = checkers_page(read("checkers.json"))
    written = [
        PROJECT_ROOT / "README.md",
        *sorted((PROJECT_ROOT / "docs").glob("*.md")),
    ]
    for file in written:
        pages[file] = fill(file.name, file.read_text(encoding="utf-8"))
    return pages


def write_pages() -> list[Path]:
    """Writes the pages that differ from the JSON files; returns them."""
    changed = []
    for file, text in all_pages().items():
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            replace_text(file, text)
            changed.append(file)
    return changed


@click.command()
@click.option(
    "--sample", type=_FILE, help="Record what `mnist-pipeline run` printed, for README."
)
@click.option("--tests", type=_FILE, help="Record how `make test` ended, for README.")
@click.option("--platform", help="With --tests: where it ran, if not here.")
@click.option("--commit", help="With --tests: of what code, if not today's.")
def main(
    sample: Path | None, tests: Path | None, platform: str | None, commit: str | None
) -> None:
    """Write the measured figures into README.md, docs/ and benchmarks/*.md."""
    if sample:
        record_sample(sample)
    if tests:
        record_tests(tests, platform, commit)
    for file in write_pages():
        click.echo(f"wrote {file.relative_to(PROJECT_ROOT)}")


if __name__ == "__main__":
    try:
        main()
    except PipelineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
