"""``results.json`` and what is made of it: ``RESULTS.md`` with its plot.

``benchmarks.run`` adds to it whenever a part of the measurement has something new.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jinja2

from benchmarks import tables
from benchmarks.machine import describe_machine, installed_versions
from benchmarks.plot import draw
from components.durable import replace_text
from pipeline.environment.tfx_line import installed_line

HERE = Path(__file__).resolve().parent
DATA, PAGE, PLOT = "results.json", "RESULTS.md", "results.svg"


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
    replace_text(folder / PAGE, render(results))


def render(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the page from the content of ``results.json``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    lines = dict(sorted(results.items(), reverse=True))
    template = environment.get_template("RESULTS.md.j2")
    page = template.render(lines=lines, plot=PLOT, tables=tables)
    # Tags leave blank lines behind.
    return re.sub(r"\n{3,}", "\n\n", page)
