"""The tables of ``CHECKERS.md``, in Markdown."""

from collections.abc import Mapping
from typing import Any

from benchmarks.checkers.exchange import CLEAN
from benchmarks.checkers.verdicts import ALARM, WARNING
from benchmarks.tables import markdown

TITLES = {
    "ours": "DataGate",
    "deepchecks": "deepchecks",
    "cleanlab": "cleanlab",
    "cleanvision": "CleanVision",
}
_SIGNS = {ALARM: "✓", WARNING: "warned:"}


def verdicts_table(measured: Mapping[str, Any]) -> str:
    """Returns a row for each data set and a column for each checker."""
    checkers = measured["checkers"]
    rows = [
        [
            f"good data, {row['name']}" if row["part"] == CLEAN else row["name"],
            *(_cell(row["verdicts"][checker]) for checker in checkers),
        ]
        for row in measured["rows"]
    ]
    return _table(checkers, rows)


def totals_table(measured: Mapping[str, Any]) -> str:
    """Returns what each checker caught and what it cost."""
    counts = measured["checkers"]
    titles = {
        "defects caught": ("caught", "defects"),
        "warned of besides": ("warned", "defects"),
        "good draws with a false alarm": ("false_alarms", "clean"),
        "with a warning besides": ("false_warnings", "clean"),
        "good draws with something named, bounds of good draws aside": (
            "named",
            "clean",
        ),
    }
    rows = [
        [title, *(f"{one[part]}/{one[whole]}" for one in counts.values())]
        for title, (part, whole) in titles.items()
    ]
    for key, title in (("seconds", "seconds"), ("cpu", "CPU seconds")):
        rows.append(
            [f"{title} a data set, median", *(f"{c[key]}" for c in counts.values())]
        )
    return _table(counts, rows)


def versions(measured: Mapping[str, Any]) -> str:
    """Names the packages that were compared."""
    named = {
        TITLES[checker]: ", ".join(f"{n} {v}" for n, v in one["versions"].items())
        for checker, one in measured["checkers"].items()
    }
    return "; ".join(f"{title}: {found}" for title, found in named.items())


def _cell(verdict: Mapping[str, Any]) -> str:
    sign = _SIGNS.get(verdict["verdict"])
    return f"{sign} {verdict['by'][0]}" if sign else "–"


def _table(checkers: Mapping[str, Any], rows: list[list[str]]) -> str:
    header = ["", *(TITLES[checker] for checker in checkers)]
    return markdown(header, rows).replace("---:", "---")
