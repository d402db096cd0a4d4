"""Defects of labels: a row a kind."""

from tests.defects import plants as p
from tests.defects.kind import (
    CONFLICTS,
    DISAGREEMENT,
    ONE_LABEL,
    Kind,
    Refusal,
    Strength,
    planted,
)

_TEST, _TRAIN = ("test",), ("train",)


def _row(
    name: str,
    plant: p.Plant,
    line: float,
    where: str = "train",
    strength: Strength = "error",
) -> Kind:
    """A row that the serving model must disagree with, as a whole or on a label."""
    check = ONE_LABEL if "label" in where else DISAGREEMENT
    return planted(name, plant, check, where, line, "labels", strength)


LABELS = (
    _row("all labels plus one", p.relabelled(p.plus(1)), 0.1),
    _row("labels of test plus one", p.relabelled(p.plus(1), splits=_TEST), 0.1, "test"),
    _row("classes in alphabetical order", p.relabelled(p.sorted_as_text), 0.1),
    _row("4 and 9 exchanged", p.relabelled(p.swapped(4, 9)), 0.15, "train, label 4"),
    _row("any label in 3 %", p.relabelled(p.any_other, 0.03), 0.017),
    _row(
        "any label in 1.5 %", p.relabelled(p.any_other, 0.015), 0.009, strength="warn"
    ),
    _row(
        "half of 5 called 3",
        p.relabelled(p.to(3), 0.5, of_class=5),
        0.12,
        "train, label 3",
    ),
    _row(
        "an eighth of 5 called 3",
        p.relabelled(p.to(3), 0.125, of_class=5),
        0.055,
        "train, label 3",
        "warn",
    ),
    _row(
        "all of 8 called 3 in test",
        p.relabelled(p.to(3), splits=_TEST, of_class=8),
        0.13,
        "test, label 3",
    ),
    _row("labels of the record before", p.relabelled(p.of_the_neighbour), 0.1),
    _row("a shard of 8 with the labels before", p.neighbours_in_a_shard(8), 0.03),
    _row("a shard of 40 with the labels before", p.neighbours_in_a_shard(40), 0.016),
    _row(
        "a shard of 70 with the labels before",
        p.neighbours_in_a_shard(70),
        0.0085,
        strength="warn",
    ),
    _row("labels of train shuffled", p.relabelled(p.shuffled, splits=_TRAIN), 0.1),
    _row(
        "labels of test shuffled", p.relabelled(p.shuffled, splits=_TEST), 0.1, "test"
    ),
    _row("30 % of val called 0", p.relabelled(p.to(0), 0.3, ("val",)), 0.06, "val"),
    Kind(
        "copies in train with another label",
        "labels",
        Refusal("data", CONFLICTS, "all splits", 60, 0),
        plant=p.repeated(0.01, "train", step=1),
    ),
)
