"""Writes ``reports/<run id>``: ``summary.json`` and ``index.html``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.durable import replace_text
from pipeline.lineage import RunLineage
from pipeline.reporting import PAGE_FILE
from pipeline.reporting.page import make_page
from pipeline.run_summary import SUMMARY_FILE


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

    Args:
      directory: of the run's report; it exists.
      summary: the content of its ``summary.json``.
      lineage: of the run; the page is made from its artifacts.

    Returns:
      A line for each part that should be there and could not be made.
    """
    page = make_page(summary, lineage)
    replace_text(directory / PAGE_FILE, page.html)
    return page.problems
