"""Data that changed its meaning, and that the data gate was told not to look at.

The model gate must see it alone: the model is right about its own data. A row a kind.
"""

from tests.defects import changes as c
from tests.defects import plants as p
from tests.defects.kind import Family, Kind, Strength, over

# The audit of the records sees all of these.
_UNSEEN = ("--set", "data_gate.unlike=off", "--set", "data_gate.disagreement=off")


def _row(
    name: str,
    family: Family,
    plant: p.Plant,
    line: float,
    where: str = "overall",
    strength: Strength = "error",
) -> Kind:
    refusal = over("model", "change of meaning", where, line)
    title = f"{name}, unseen by the data gate"
    return Kind(title, family, refusal, strength, plant, args=_UNSEEN, trains=True)


MEANING = (
    _row("all labels plus one", "labels", p.relabelled(p.plus(1)), 0.3),
    _row("4 and 9 exchanged", "labels", p.relabelled(p.swapped(4, 9)), 0.1),
    _row("images transposed", "data", p.images(c.transposed), 0.3),
    _row(
        "images moved by 1 px", "data", p.images(c.moved(1, 0)), 0.022, strength="warn"
    ),
)
