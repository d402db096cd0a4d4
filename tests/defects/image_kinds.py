"""Defects of images: a row a kind."""

from tests.defects import changes as c
from tests.defects import drawings as d
from tests.defects import plants as p
from tests.defects.kind import (
    CONSTANT,
    DISAGREEMENT,
    ONE_SHORTCUT,
    PIXEL_DRIFT,
    SHIFT,
    SHORTCUT,
    UNLIKE,
    Between,
    Kind,
    Refusal,
    missed,
    planted,
)

_TEST, _TRAIN = ("test",), ("train",)
_PREVIOUS = "train against previous"


def _mean_pixel(name: str, plant: p.Plant, least: float, most: float) -> Kind:
    value = Between(least, most)
    refusal = Refusal("data", "mean pixel", "train", value, "0.08 to 0.2")
    return Kind(name, "data", refusal, plant=plant)


def _row(name: str, plant: p.Plant, check: str, where: str, line: float) -> Kind:
    return planted(name, plant, check, where, line)


def _unlike(name: str, plant: p.Plant, line: float, where: str = "train") -> Kind:
    return planted(name, plant, UNLIKE, where, line)


def _drift(name: str, plant: p.Plant, line: float, where: str = _PREVIOUS) -> Kind:
    return planted(name, plant, PIXEL_DRIFT, where, line)


def _warned(name: str, plant: p.Plant, check: str, line: float) -> Kind:
    return planted(name, plant, check, "train", line, strength="warn")


PLACES = (
    _unlike("images transposed", p.images(c.transposed), 0.05),
    _row("10 % transposed", p.images(c.transposed, 0.1), DISAGREEMENT, "train", 0.02),
    _warned("2 % transposed", p.images(c.transposed, 0.02), DISAGREEMENT, 0.008),
    _unlike("images mirrored", p.images(c.mirrored), 0.1),
    _unlike("2 % mirrored", p.images(c.mirrored, 0.02), 0.0145),
    _unlike("images turned by 180°", p.images(c.turned(180)), 0.1),
    _unlike("test turned by 15°", p.images(c.turned(15), splits=_TEST), 0.04, "test"),
    _drift("images turned by 8°", p.images(c.turned(8)), 0.022),
    _unlike("5 % turned by 90°", p.images(c.turned(90), 0.05), 0.02),
    _unlike("images moved by 1 px", p.images(c.moved(1, 0)), 0.1),
    _unlike("5 % moved by 4 px", p.images(c.moved(0, 4), 0.05), 0.025),
    _warned("1 % moved by 4 px", p.images(c.moved(0, 4), 0.01), UNLIKE, 0.007),
    _unlike("images read 16 bytes late", p.images(c.bytes_late(16)), 0.1),
    _row("images 20 % smaller", p.images(c.resized(0.8)), SHIFT, "test", 1.4),
    _warned("images 6 % smaller", p.images(c.resized(0.94)), SHIFT, 0.66),
    _unlike("images slanted", p.images(c.sheared(0.4)), 0.05),
    _unlike("lower half blank in 5 %", p.images(c.blank_below(0.5), 0.05), 0.03),
    _unlike("a box hidden in 10 %", p.images(d.hidden_box(9), 0.1), 0.03),
    _unlike("rows exchanged in pairs", p.images(c.rows_swapped), 0.04),
    _unlike("pixels shuffled", p.images(c.pixels_shuffled), 0.1),
)

VALUES = (
    _mean_pixel("images inverted", p.images(c.inverted), 0.85, 0.9),
    _unlike("5 % inverted", p.images(c.inverted, 0.05), 0.03),
    _warned("1 % inverted", p.images(c.inverted, 0.01), UNLIKE, 0.007),
    _mean_pixel("images scaled to 0..1", p.images(c.times(1 / 255)), 0, 0.001),
    _row("blank in 1 %", p.images(c.constant(0), 0.01), CONSTANT, "train", 0.003),
    _unlike("static in 3 %", p.images(c.static, 0.03), 0.02),
    _unlike("noise on test", p.images(c.noisy(25), splits=_TEST), 0.1, "test"),
    _unlike("salt and pepper on 2 % of the pixels", p.images(c.salted(0.02)), 0.1),
    _drift("images out of focus", p.images(c.blurred(1.2)), 0.06),
    _unlike("10 % out of focus", p.images(c.blurred(2.0), 0.1), 0.025, "test"),
    _drift("images sharpened", p.images(c.sharpened(2.0)), 0.04),
    _drift("images dimmed to 85 %", p.images(c.times(0.85)), 0.04),
    _drift("images brighter than eight bits", p.images(c.overflown(2)), 0.04),
    _unlike("bright pixels cut off at 127", p.images(c.sign_lost), 0.1),
    _unlike(
        "less contrast on test",
        p.images(c.grey_between(40, 200), splits=_TEST),
        0.04,
        "test",
    ),
    _unlike("a wrong gamma curve", p.images(c.gamma(3.0)), 0.03),
    _unlike("binarized", p.images(c.binarized(128)), 0.04),
    _drift("4 grey values", p.images(c.quantized(4)), 0.06),
    _drift("faint pixels lost", p.images(c.without_faint(100)), 0.022),
    _unlike("JPEG of quality 10", p.images(c.jpeg(10)), 0.04),
    _drift("resampled through 14×14", p.images(c.resampled(14)), 0.06),
    _unlike(
        "resampled through 7×7 in 5 %", p.images(c.resampled(7), 0.05), 0.02, "test"
    ),
    _unlike("thick strokes in one class", p.images(c.thickened(3), of_class=4), 0.018),
    _drift("dark corners", p.images(c.vignetted(0.3)), 0.028),
    _drift("grey background on all", p.images(c.plus(30)), 0.1),
    _unlike("grey background in 5 %", p.images(c.plus(30), 0.05), 0.02),
    _unlike("the record before shines through", p.images(c.ghosts(0.5)), 0.02),
    missed(_unlike("the record before in 3 %", p.images(c.ghosts(1.0), 0.03), 0.02)),
)

FOREIGN = (
    _unlike("a frame around 2 %", p.images(d.framed(2), 0.02), 0.016),
    _unlike(
        "a mark in the corner of train", p.images(d.corner_mark(3), splits=_TRAIN), 0.1
    ),
    _unlike("a mark on one class", p.images(d.corner_mark(3), of_class=3), 0.04),
    _unlike("a mark that tells the label", p.marked_by_label(2), 0.1),
    _row(
        "a faint pixel that tells the label",
        p.pixel_by_label(40),
        ONE_SHORTCUT,
        "train, label 0",
        0.93,
    ),
    _row(
        "the label written into the corner", p.label_in_corner, SHORTCUT, "train", 0.6
    ),
    _drift("a background that tells the label", p.bright_by_label(4), 0.1),
    _unlike("text across 5 %", p.images(d.written_on("DRAFT"), 0.05), 0.03),
    _unlike("letters in 3 %", p.images(d.letters, 0.03), 0.02),
    _unlike("shapes in 3 %", p.images(d.shapes, 0.03), 0.02),
    _unlike("a dead column", p.images(d.dead_column(14)), 0.03),
)

IMAGES = (*PLACES, *VALUES, *FOREIGN)
