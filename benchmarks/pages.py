"""The pages that are made whole from a JSON file.

``benchmarks.docs`` writes them; the templates beside this module hold the words.
"""

import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from benchmarks import tables
from benchmarks.checkers import table
from benchmarks.figures import percent, percent_spread
from components.checks import Check

HERE = Path(__file__).resolve().parent
PLOT = "results.svg"


def results_page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns ``RESULTS.md`` from the content of ``results.json``."""
    lines = dict(sorted(results.items(), reverse=True))
    return _render("RESULTS.md.j2", lines=lines, plot=PLOT, tables=tables)


def accuracy_page(entries: Sequence[Mapping[str, Any]]) -> str:
    """Returns ``ACCURACY.md`` from the content of ``accuracy.json``."""
    return _render("ACCURACY.md.j2", recipes=list(by_recipe(entries).values()))


def by_recipe(
    entries: Sequence[Mapping[str, Any]],
) -> dict[tuple[str, ...], list[Mapping[str, Any]]]:
    """Groups the seeds of ``accuracy.json``.

    Returns:
      (data, preset, name of the ``--config`` file or "", TFX line) → its seeds.
    """
    recipes: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for entry in entries:
        key = entry["data"], entry["preset"], entry["config"] or "", entry["tfx"]
        recipes.setdefault(key, []).append(entry)
    return recipes


def defects_page(measured: Mapping[str, Any]) -> str:
    """Returns ``DEFECTS.md`` from the content of ``defects.json``."""
    rows = measured["rows"]
    defects = [row for row in rows if not row["clean"]]
    return _render(
        "DEFECTS.md.j2",
        **measured,
        defects=[(row, row["check"] and Check(**row["check"])) for row in defects],
        strengths=Counter((row["family"], row["strength"]) for row in defects),
        counts=count_defects(rows),
    )


def checkers_page(measured: Mapping[str, Any]) -> str:
    """Returns ``CHECKERS.md`` from the content of ``checkers.json``."""
    return _render("CHECKERS.md.j2", **measured, measured=measured, table=table)


def count_defects(rows: Sequence[Mapping[str, Any]]) -> str:
    """Says how many defects were caught, and how many good draws were not passed."""
    defects = [row["passed"] for row in rows if not row["clean"]]
    clean = [row["passed"] for row in rows if row["clean"] and not row["skipped"]]
    skipped = Counter(row["skipped"] for row in rows if row["skipped"])
    return (
        f"Caught {sum(defects)}/{len(defects)} defects; false alarms "
        f"{clean.count(False)}/{len(clean)} clean draws."
        + "".join(f" Skipped {count}: {why}." for why, count in skipped.items())
    )


def _render(template: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        cell=_cell,
        median=statistics.median,
        percent=percent,
        seconds=_seconds,
        spread=percent_spread,
    )
    # Tags leave blank lines behind.
    return re.sub(r"\n{3,}", "\n\n", environment.get_template(template).render(values))


def _cell(text: str) -> str:
    """Keeps a text in one cell of a table, as it is."""
    escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return escaped.replace("\n", "<br>")


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"
