"""Adds what was measured to ``results.json``; ``benchmarks.run`` calls it.

It does so whenever a part of the measurement has something new, and writes
``RESULTS.md`` and its plot beside it.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, installed_versions
from benchmarks.pages import PLOT, results_page
from benchmarks.plot import draw
from components.durable import replace_text
from pipeline.environment.tfx_line import installed_line

DATA, PAGE = "results.json", "RESULTS.md"


def add_part(folder: Path, part: str, content: Mapping[str, Any], commit: str) -> None:
    """Puts what was measured of one part in the place of an earlier measurement.

    The other parts and the other TFX line stay. Each file is replaced in one step.

    Args:
      folder: of the three files.
      part: ``contenders``, ``scale`` or ``serving``.
      content: of the part; ``count`` says how many rounds.
      commit: what was measured.
    """
    file = folder / DATA
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    results.setdefault(installed_line().name, {})[part] = {
        "date": date.today().isoformat(),
        "commit": commit,
        "machine": describe_machine(),
        "versions": installed_versions(),
        **content,
    }
    replace_text(file, json.dumps(results, indent=2) + "\n")
    write_page(folder)


def write_page(folder: Path) -> None:
    """Writes the page and the plot from ``results.json``."""
    results = json.loads((folder / DATA).read_text(encoding="utf-8"))
    replace_text(folder / PLOT, draw(results))
    replace_text(folder / PAGE, results_page(results))
