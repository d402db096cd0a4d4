"""Writes ``reports/<run id>``: ``summary.json`` and ``index.html``."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.durable import replace_text
from pipeline.metadata.lineage import RunLineage
from pipeline.reporting import PAGE_FILE
from pipeline.reporting.page import Page, make_page
from pipeline.summary import SUMMARY_FILE

# A page says of itself which parts it shows.
_PARTS = re.compile(r'<meta name="mnist-parts" content="([a-z_ ]*)">')


def write_summary(directory: Path, summary: Mapping[str, Any]) -> None:
    """Writes ``summary.json``, whole or not at all.

    Args:
      directory: receives it; made where it is missing.
      summary: its content.
    """
    directory.mkdir(parents=True, exist_ok=True)
    replace_text(directory / SUMMARY_FILE, json.dumps(summary, indent=2) + "\n")


def write_page(
    directory: Path, summary: Mapping[str, Any], lineage: RunLineage
) -> list[str]:
    """Writes ``index.html``, whole or not at all, complete as far as the run came.

    A page that is there already and shows what cannot be shown any more is kept.

    Args:
      directory: of the run's report; it exists.
      summary: the content of its ``summary.json``.
      lineage: of the run; the page is made from its artifacts.

    Returns:
      A line for each part that should be there and could not be made, and for a page
      that was kept.
    """
    page = make_page(summary, lineage)
    file = directory / PAGE_FILE
    if lost := find_lost(_read(file), page):
        return [*page.problems, _kept(file, lost, page)]
    replace_text(file, page.html)
    return page.problems


def find_lost(earlier: str, page: Page) -> list[str]:
    """Returns which parts an earlier page of a run shows and a new one does not.

    Args:
      earlier: its text; empty where there is none, and a damaged one counts as none.
      page: the new one.
    """
    if not earlier.rstrip().endswith("</html>"):
        return []
    parts = _PARTS.search(earlier)
    if parts:
        return [name for name in page.missing if name in parts[1].split()]
    # Written by an older release.
    return (
        list(page.missing)
        if _count_figures(earlier) > _count_figures(page.html)
        else []
    )


def _count_figures(html: str) -> int:
    return html.count("<figure") + html.count("<img")


def _kept(file: Path, lost: Sequence[str], page: Page) -> str:
    reasons = " ".join(dict.fromkeys(page.missing[name] for name in lost))
    return (
        f"Kept {file} as it was: it also shows {', '.join(lost)}. A new one could "
        f"not. {reasons}"
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
