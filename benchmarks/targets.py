"""What the pipeline is to reach, and whether it does."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from benchmarks.contenders import BARE, BEST, OURS, SHIPPED
from benchmarks.figures import Round, median, ratio, values
from benchmarks.scale import EPOCH
from benchmarks.serving_speed import BARE_WAYS

BEAM_NODES = ("ExampleGen", "StatisticsGen", "Transform", "Evaluator")
_LEAST, _MOST = "1", "10"


@attrs.frozen
class Target:
    """A bound, and what was measured.

    Attributes:
      title: what is bounded.
      bound: the largest value allowed, or the least where ``at_least``.
      value: what was measured; None where nothing was.
      at_least: whether more is better.
      digits: to show of both.
      unit: shown after both.
    """

    title: str
    bound: float
    value: float | None
    at_least: bool = False
    digits: int = 2
    unit: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the value keeps to the bound; None where there is no value."""
        if self.value is None:
            return None
        if self.at_least:
            return self.value >= self.bound
        return self.value <= self.bound


def all_targets(parts: Mapping[str, Any]) -> list[Target]:
    """Returns every target, in one order, of what was measured on one TFX line.

    Args:
      parts: the content of ``results.json`` for this line; parts may be missing.
    """
    rounds = parts.get("contenders", {}).get("rounds", [])
    return [
        *_contender_targets(rounds),
        *_scale_targets(parts.get("scale", {}).get("rounds", [])),
        Target(
            "serving 1,000 arrays, `predict_pixels` / fastest bare Keras network",
            0.9,
            _served(parts.get("serving", {}).get("ways", {})),
            at_least=True,
        ),
    ]


def _contender_targets(rounds: Sequence[Round]) -> list[Target]:
    def by(other: str) -> float | None:
        return ratio(
            median(values(rounds, OURS, "wall")), median(values(rounds, other, "wall"))
        )

    outside = median(values(rounds, OURS, "outside_training"))
    return [
        Target("wall, ours / TFX's example as shipped", 0.3, by(SHIPPED)),
        Target("wall, ours / TFX's example at its best", 0.6, by(BEST)),
        Target("wall, ours / bare Keras script", 1.5, by(BARE)),
        Target("outside training, imports included", 30, outside, digits=1, unit=" s"),
    ]


def _scale_targets(rounds: Sequence[Round]) -> list[Target]:
    seconds = growth(rounds, "seconds")
    slowing = [seconds[name] for name in (*BEAM_NODES, EPOCH) if name in seconds]
    swelling = growth(rounds, "peak_memory").values()
    return [
        Target(
            "10× the records, time / at 1×, worst of Beam nodes and an epoch",
            10.5,
            max(slowing, default=None),
        ),
        Target(
            "10× the records, peak memory / at 1×, worst node",
            1.5,
            max(swelling, default=None),
        ),
    ]


def growth(rounds: Sequence[Round], key: str) -> dict[str, float]:
    """Returns a figure of each node at the largest factor by that at the smallest.

    Args:
      rounds: of the scale, by factor.
      key: ``seconds`` or ``peak_memory``.
    """
    least, most = (by_node(rounds, end, key) for end in (_LEAST, _MOST))
    return {
        node: most[node] / value
        for node, value in least.items()
        if value and node in most
    }


def by_node(rounds: Sequence[Round], factor: str, key: str) -> dict[str, float]:
    """Returns the median of a figure of each node at one factor, in order."""
    found = values(rounds, factor, key)
    return {
        node: statistics.median(one[node] for one in found)
        for node in (found[0] if found else ())
    }


def throughput(ways: Mapping[str, Any]) -> dict[str, float]:
    """Returns the median of images per second of each way to ask a model."""
    return {name: statistics.median(way["throughput"]) for name, way in ways.items()}


def fastest_bare(rates: Mapping[str, float]) -> float | None:
    """Returns images per second of the fastest way to call the bare network."""
    return max((rates[name] for name in BARE_WAYS if name in rates), default=None)


def _served(ways: Mapping[str, Any]) -> float | None:
    rates = throughput(ways)
    return ratio(rates.get("predict_pixels"), fastest_bare(rates))
