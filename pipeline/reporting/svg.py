"""Turns matplotlib figures into SVG that stands in the page and takes its colours."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

# Drawn in these, shown in the colours of style.css, which differ in light and dark.
INK = "#010000"
FAINT = "#020000"
GOOD = "#030000"
BAD = "#040000"
SERIES = ("#050000", "#060000", "#070000")
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
    **{colour: f"var(--series-{n})" for n, colour in enumerate(SERIES, start=1)},
}
# Newer versions of matplotlib type each setting's name, older ones take any string.
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": "medium",
    "figure.facecolor": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.markersize": 5,
    # Text stays text: to select, to read aloud, to find; and smaller.
    "svg.fonttype": "none",
    "text.color": INK,
    # A class may have a name with a dollar sign.
    "text.parse_math": False,
    "text.usetex": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
# matplotlib's style element would hold for the whole page.
_STYLE_ELEMENT = re.compile(r"<style.*?</style>", re.DOTALL)


def draw(
    label: str, size: tuple[float, float], paint: Callable[[Figure], None]
) -> Markup:
    """Returns a figure as an ``svg`` element, the same each time.

    Args:
      label: says what it shows, for those who do not see it; distinct on a page.
      size: width and height in inches.
      paint: draws on the figure, in the colours of this module.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": label}):
        figure = Figure(figsize=size, layout="constrained")
        paint(figure)
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = _STYLE_ELEMENT.sub("", text[text.index("<svg") :])
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return Markup(
        text.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
    )
