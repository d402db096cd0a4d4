"""Medians, ranges and ratios of what was measured in rounds; ``–`` for nothing."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

NOTHING = "–"

# One round: contender, or factor, to its figures.
Round = Mapping[str, Mapping[str, Any]]


def values(rounds: Sequence[Round], name: str, key: str) -> list[Any]:
    """Returns a figure of a contender, from each round that has it."""
    return [one[name][key] for one in rounds if key in one.get(name, {})]


def pair_ratios(
    rounds: Sequence[Round], name: str, other: str, key: str
) -> list[float]:
    """Returns the figure of one contender by that of another, round by round."""
    return [
        one[name][key] / one[other][key]
        for one in rounds
        if key in one.get(name, {}) and key in one.get(other, {})
    ]


def median(numbers: Sequence[float]) -> float | None:
    """Returns the median; None of nothing."""
    return statistics.median(numbers) if numbers else None


def ratio(one: float | None, other: float | None) -> float | None:
    """Returns one by the other; None where either is missing."""
    return None if one is None or not other else one / other


def number(value: float | None, digits: int) -> str:
    """Formats a number with a comma in thousands."""
    return NOTHING if value is None else f"{value:,.{digits}f}"


def spread(numbers: Sequence[float], digits: int) -> str:
    """Formats the median, and the range where there are several."""
    if len(numbers) < 2:
        return number(median(numbers), digits)
    low, high = (number(end(numbers), digits) for end in (min, max))
    return f"{number(median(numbers), digits)} ({low}–{high})"


def percent(share: float | None) -> str:
    """Formats a share in percent; a dash where there is none."""
    return NOTHING if share is None else f"{100 * share:.2f} %"


def percent_spread(shares: Sequence[float | None]) -> str:
    """Formats the median and the range of shares in percent."""
    known = [100 * share for share in shares if share is not None]
    if not known:
        return NOTHING
    return f"{statistics.median(known):.2f} % ({min(known):.2f}–{max(known):.2f})"
