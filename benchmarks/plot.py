"""The plot of ``RESULTS.md``: the contenders' wall time, and how nodes grow."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import TITLES
from benchmarks.figures import median, values
from benchmarks.scale import EPOCH
from benchmarks.targets import BEAM_NODES, by_node

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAR = 0.8


def draw(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns an SVG from the content of ``results.json``."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    lines = dict(sorted(results.items()))
    # The same results give the same file.
    with mpl.rc_context({"svg.hashsalt": "results", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_contenders(left, lines)
        _draw_scale(right, lines)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()


def _draw_contenders(axes: "Axes", lines: Mapping[str, Mapping[str, Any]]) -> None:
    height = _BAR / len(lines)
    for index, (line, parts) in enumerate(lines.items()):
        rounds = parts.get("contenders", {}).get("rounds", [])
        walls = [median(values(rounds, key, "wall")) or 0 for key in TITLES]
        places = [place + height * index for place in range(len(TITLES))]
        bars = axes.barh(places, walls, height, label=f"TFX {line}")
        labels = [f"{wall:.0f}" if wall else "not measured" for wall in walls]
        axes.bar_label(bars, labels, padding=2, fontsize=8)
    middle = (_BAR - height) / 2
    axes.set_yticks([place + middle for place in range(len(TITLES))], TITLES.values())
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("wall seconds, median")
    axes.legend(frameon=False)


def _draw_scale(axes: "Axes", lines: Mapping[str, Mapping[str, Any]]) -> None:
    """The newest line that has it; the others look alike."""
    measured = [line for line, parts in lines.items() if "scale" in parts]
    if not measured:
        axes.set_axis_off()
        return
    rounds = lines[measured[-1]]["scale"]["rounds"]
    factors = sorted({factor for one in rounds for factor in one}, key=int)
    columns = [by_node(rounds, factor, "seconds") for factor in factors]
    for node in (*BEAM_NODES, EPOCH):
        seconds = [column.get(node) for column in columns]
        if None in seconds:
            continue
        axes.plot([int(factor) for factor in factors], seconds, marker="o", label=node)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([int(factor) for factor in factors], [f"{f}×" for f in factors])
    axes.minorticks_off()
    axes.set_xlabel(f"records, TFX {measured[-1]}")
    axes.set_ylabel("seconds")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
