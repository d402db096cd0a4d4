"""What a row of the tables of planted defects says, and what must refuse it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import attrs

from tests.defects.plants import Plant

Family = Literal["data", "labels", "training", "export", "serving"]
Strength = Literal["error", "warn", "miss"]

# Checks of the data gate, by the names that a person reads.
UNLIKE, SHIFT = "unlike previous data", "shift of a trait"
DISAGREEMENT = "against the serving model"
ONE_LABEL = "one label against the serving model"
NEAR_COPIES, REPEATS, LEAKAGE = "near copies", "repeats", "leakage"
SHORTCUT, WRONG_LABELS = "label told by one pixel", "wrong labels"
ONE_SHORTCUT = "one label told by one pixel"
PIXEL_DRIFT, LABEL_DRIFT = "pixel drift", "label drift"
# Where a check looks that says what is worst, which differs from one TFX to another.
ANYWHERE = ""
CONSTANT, CONFLICTS = "constant images", "conflicts"


@attrs.frozen
class Refusal:
    """The check that must see a defect.

    Attributes:
      gate: ``data``, ``model`` or ``serving``.
      name: of the check.
      slice: where the check looked; ``ANYWHERE`` where that may differ.
      value: equals what it saw.
      bound: equals what it allows.
    """

    gate: str
    name: str
    slice: str
    value: Any
    bound: Any


@attrs.frozen
class Kind:
    """A defect, how it is planted and which check must see it.

    Attributes:
      name: what is wrong, how much of it, and where.
      family: what it spoils.
      refusal: the check that must see it.
      strength: ``error`` must be refused; ``warn`` must be shown, and pushed; ``miss``
        is seen by no gate yet.
      plant: from the arrays of good splits to those of spoilt ones.
      spoil: spoils the folder with the splits.
      run_fn: of the Trainer, dotted, below ``tests.defects``.
      args: of the run.
      trains: whether the training is at stake; the others take the weights that serve.
      passes: overall checks of the model that must pass all the same, so that the one
        that refuses it is needed.
    """

    name: str
    family: Family
    refusal: Refusal
    strength: Strength = "error"
    plant: Plant | None = None
    spoil: Callable[[Path], None] | None = None
    run_fn: str = ""
    args: tuple[str, ...] = ()
    trains: bool = False
    passes: frozenset[str] = frozenset()


@attrs.frozen(eq=False)
class Between:
    """Equals every number from ``least`` to ``most``."""

    least: float
    most: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float | int) and self.least <= other <= self.most


def over(gate: str, name: str, slice: str, line: float) -> Refusal:
    """The check whose value is over a line that its bound is not over."""
    return Refusal(gate, name, slice, Between(line, math.inf), Between(0, line))


def planted(
    name: str,
    plant: Plant,
    check: str,
    where: str,
    line: float,
    family: Family = "data",
    strength: Strength = "error",
) -> Kind:
    """A row of defects in arrays, which the data gate must see.

    Args:
      name: of the kind.
      plant: makes it.
      check: that must see it.
      where: its slice.
      line: that its value is over, and its bound is not.
      family: what is spoilt.
      strength: whether it must be refused.
    """
    return Kind(name, family, over("data", check, where, line), strength, plant)


def missed(kind: Kind) -> Kind:
    """A row that no gate sees yet; its check is the one that ought to."""
    return attrs.evolve(kind, strength="miss")


class Saying:
    """Equals every text that holds all parts."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and all(part in other for part in self._parts)

    def __repr__(self) -> str:
        return f"Saying{self._parts}"
