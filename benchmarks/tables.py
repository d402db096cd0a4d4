"""The tables of ``RESULTS.md``, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.contenders import OURS, TITLES
from benchmarks.figures import (
    NOTHING,
    Round,
    number,
    pair_ratios,
    ratio,
    spread,
    values,
)
from benchmarks.serving_speed import TITLES as WAYS
from benchmarks.targets import (
    Target,
    all_targets,
    by_node,
    fastest_bare,
    growth,
    throughput,
)

# TFX line → part → what was measured.
Lines = Mapping[str, Mapping[str, Any]]


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table; the first column is text, the others are aligned right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def targets_table(lines: Lines) -> str:
    """Returns targets by TFX line: the value, and whether it was reached."""
    columns = [all_targets(parts) for parts in lines.values()]
    rows = (
        [row[0].title, _bound(row[0]), *map(_reached, row)]
        for row in zip(*columns, strict=True)
    )
    return markdown(["", "target", *_names(lines)], rows)


def _bound(target: Target) -> str:
    sign = "≥" if target.at_least else "≤"
    return f"{sign} {number(target.bound, target.digits)}{target.unit}"


def _reached(target: Target) -> str:
    if target.reached is None:
        return "not measured"
    reached = "reached" if target.reached else "**not reached**"
    # One digit more than the bound, which a rounded value could seem to meet.
    return f"{number(target.value, target.digits + 1)}{target.unit}, {reached}"


def contenders_table(rounds: Sequence[Round]) -> str:
    """Returns what each contender took, a row each."""
    header = [
        "",
        "wall, s",
        "user CPU, s",
        "peak memory, MB",
        "test accuracy, %",
        "ours ÷ theirs",
    ]
    return markdown(header, (_contender(rounds, key) for key in TITLES))


def _contender(rounds: Sequence[Round], key: str) -> list[str]:
    shares = [100 * share for share in values(rounds, key, "accuracy")]
    ratios = pair_ratios(rounds, OURS, key, "wall")
    return [
        TITLES[key],
        spread(values(rounds, key, "wall"), 1),
        spread(values(rounds, key, "user_cpu"), 1),
        spread(values(rounds, key, "peak_memory"), 0),
        spread(shares, 2),
        NOTHING if key == OURS else spread(ratios, 2),
    ]


def steps_table(lines: Lines, contender: str, key: str) -> str:
    """Returns median seconds of each step of a contender by TFX line.

    Args:
      lines: what was measured.
      contender: ``ours``, whose steps are nodes, or ``bare``.
      key: ``node_seconds`` or ``seconds``.
    """
    columns = [
        by_node(parts.get("contenders", {}).get("rounds", []), contender, key)
        for parts in lines.values()
    ]
    steps = dict.fromkeys(step for column in columns for step in column)
    rows = (
        [step, *(number(column.get(step), 1) for column in columns)] for step in steps
    )
    return markdown(["", *_names(lines)], rows)


def scale_table(rounds: Sequence[Round], key: str, digits: int) -> str:
    """Returns a figure of each node by factor, and how it grew.

    Args:
      rounds: of the scale, by factor.
      key: ``seconds`` or ``peak_memory``.
      digits: to show.
    """
    factors = sorted({factor for one in rounds for factor in one}, key=int)
    columns = [by_node(rounds, factor, key) for factor in factors]
    grown = growth(rounds, key)
    rows = (
        [
            node,
            *(number(column.get(node), digits) for column in columns),
            number(grown.get(node), 2),
        ]
        for node in columns[0]
    )
    return markdown(["", *(f"{factor}×" for factor in factors), "10× ÷ 1×"], rows)


def serving_table(ways: Mapping[str, Any]) -> str:
    """Returns latency and throughput of each way to ask the model."""
    rates = throughput(ways)
    fastest = fastest_bare(rates)
    header = ["", "median, ms", "p99, ms", "images/s in batches", "÷ fastest bare"]
    rows = (
        [
            WAYS[name],
            *(number(milliseconds, 2) for milliseconds in way["latency_ms"]),
            spread(way["throughput"], 0),
            number(ratio(rates[name], fastest), 2),
        ]
        for name, way in ways.items()
    )
    return markdown(header, rows)


def origins_table(lines: Lines) -> str:
    """Returns on what each part was measured, and when."""
    header = ["", "part", "rounds", "machine", "versions", "commit", "date"]
    rows = (
        [
            f"TFX {line}",
            part,
            str(content["count"]),
            content["machine"],
            ", ".join(f"{k} {v}" for k, v in content["versions"].items()),
            content["commit"],
            content["date"],
        ]
        for line, parts in lines.items()
        for part, content in parts.items()
    )
    return markdown(header, rows)


def _names(lines: Lines) -> list[str]:
    return [f"TFX {line}" for line in lines]
