"""The one table of defects of data that are planted in arrays: a row a kind.

``test_array_defects`` runs the pipeline on each of them; ``plants`` says how.
"""

import attrs

from tests.defects import changes as c
from tests.defects import drawings as d
from tests.defects import plants as p

_TEST, _TRAIN = ("test",), ("train",)


@attrs.frozen
class Kind:
    """A defect of the images, the labels or the splits.

    Attributes:
      name: what is wrong, how much of it, and where.
      family: ``data`` or ``labels``.
      plant: from good splits to spoilt ones.
    """

    name: str
    family: str
    plant: p.Plant


def _data(name: str, plant: p.Plant) -> Kind:
    return Kind(name, "data", plant)


def _labels(name: str, plant: p.Plant) -> Kind:
    return Kind(name, "labels", plant)


IMAGES = (
    _data("images transposed", p.images(c.transposed)),
    _data("images mirrored", p.images(c.mirrored)),
    _data("images flipped", p.images(c.flipped)),
    _data("images turned by 180°", p.images(c.turned(180))),
    _data("images turned by 90°", p.images(c.turned(90))),
    _data("images turned by 15°", p.images(c.turned(15))),
    _data("test turned by 15°", p.images(c.turned(15), splits=_TEST)),
    _data("5 % turned by 90°", p.images(c.turned(90), 0.05)),
    _data("2 % mirrored", p.images(c.mirrored, 0.02)),
    _data("5 % transposed", p.images(c.transposed, 0.05)),
    _data("images moved by 4 px", p.images(c.moved(4, 0))),
    _data("images moved by 2 px", p.images(c.moved(0, 2))),
    _data("images moved by 1 px", p.images(c.moved(1, 0))),
    _data("5 % moved by 6 px", p.images(c.moved(0, 6), 0.05)),
    _data("images wrapped around by half", p.images(c.wrapped(14, 14))),
    _data("images read 16 bytes late", p.images(c.bytes_late(16))),
    _data("rows that start a pixel late each", p.images(c.line_length_wrong)),
    _data("images inverted", p.images(c.inverted)),
    _data("5 % inverted", p.images(c.inverted, 0.05)),
    _data("1 % inverted", p.images(c.inverted, 0.01)),
    _data("half of train inverted", p.images(c.inverted, 0.5, _TRAIN)),
    _data("images 20 % smaller", p.images(c.resized(0.8))),
    _data("images 20 % larger", p.images(c.resized(1.2))),
    _data("images 40 % narrower", p.images(c.squeezed(0.6))),
    _data("images slanted", p.images(c.sheared(0.4))),
    _data("lower half blank in 5 %", p.images(c.blank_below(0.5), 0.05)),
    _data("right third blank", p.images(c.blank_right_of(0.65))),
    _data("a box hidden in 10 %", p.images(d.hidden_box(9), 0.1)),
    _data("static in 3 %", p.images(c.static, 0.03)),
    _data("blank in 1 %", p.images(c.constant(0), 0.01)),
    _data("grey in 1 %", p.images(c.constant(128), 0.01)),
    _data("noise on all", p.images(c.noisy(40))),
    _data("noise on test", p.images(c.noisy(25), splits=_TEST)),
    _data("salt and pepper on 2 % of the pixels", p.images(c.salted(0.02))),
    _data("images out of focus", p.images(c.blurred(1.2))),
    _data("5 % out of focus", p.images(c.blurred(2.0), 0.05)),
    _data("images smeared by 5 px", p.images(c.smeared(5))),
    _data("images sharpened", p.images(c.sharpened(2.0))),
    _data("images dimmed to half", p.images(c.times(0.5))),
    _data("images dimmed to 70 %", p.images(c.times(0.7))),
    _data("5 % dimmed to a third", p.images(c.times(0.33), 0.05)),
    _data("images too bright", p.images(c.times(2.0))),
    _data("images brighter than eight bits", p.images(c.overflown(2))),
    _data("bright pixels cut off at 127", p.images(c.sign_lost)),
    _data("less contrast on test", p.images(c.grey_between(40, 200), splits=_TEST)),
    _data("a wrong gamma curve", p.images(c.gamma(3.0))),
    _data("a gamma curve of 0.5", p.images(c.gamma(0.5))),
    _data("binarized", p.images(c.binarized(128))),
    _data("test binarized", p.images(c.binarized(128), splits=_TEST)),
    _data("4 grey values", p.images(c.quantized(4))),
    _data("faint pixels lost", p.images(c.without_faint(100))),
    _data("JPEG of quality 10", p.images(c.jpeg(10))),
    _data("test in JPEG of quality 20", p.images(c.jpeg(20), splits=_TEST)),
    _data("resampled through 14×14", p.images(c.resampled(14))),
    _data("resampled through 7×7 in 5 %", p.images(c.resampled(7), 0.05)),
    _data("thick strokes", p.images(c.thickened(3))),
    _data("thick strokes in one class", p.images(c.thickened(3), of_class=4)),
    _data("thin strokes", p.images(c.thinned(2))),
    _data("5 % very thin", p.images(c.thinned(3), 0.05)),
    _data("outlines alone", p.images(c.outlined)),
    _data("a frame around all", p.images(d.framed(1))),
    _data("a frame around 2 %", p.images(d.framed(2), 0.02)),
    _data("a mark in the corner of train", p.images(d.corner_mark(3), splits=_TRAIN)),
    _data("a mark on one class", p.images(d.corner_mark(3), of_class=3)),
    _data("a mark on 5 %", p.images(d.corner_mark(4), 0.05)),
    _data("a mark that tells the label", p.marked_by_label(2)),
    _data("a mark that tells half of the labels", p.marked_by_label(2, 0.5)),
    _data("a background that tells the label", p.bright_by_label(4)),
    _data("text across 5 %", p.images(d.written_on("DRAFT"), 0.05)),
    _data("letters in 2 %", p.images(d.letters, 0.02)),
    _data("shapes in 2 %", p.images(d.shapes, 0.02)),
    _data("a dead column", p.images(d.dead_column(14))),
    _data("a stuck row", p.images(d.dead_row(4, 255))),
    _data("20 stuck pixels", p.images(d.dead_pixels(20))),
    _data("dark corners", p.images(c.vignetted(0.3))),
    _data("light from the left", p.images(c.lit_from_the_left(60))),
    _data("grey background on all", p.images(c.plus(30))),
    _data("grey background in 5 %", p.images(c.plus(30), 0.05)),
    _data("the record before shines through", p.images(c.ghosts(0.5))),
    _data("the record before in 3 %", p.images(c.ghosts(1.0), 0.03)),
    _data("rows exchanged in pairs", p.images(c.rows_swapped)),
    _data("pixels exchanged in pairs", p.images(c.columns_swapped)),
    _data("every second row lost", p.images(c.every_second_row_lost)),
    _data("pixels shuffled", p.images(c.pixels_shuffled)),
    _data("quarters exchanged", p.images(c.quarters_exchanged)),
)

LABELS = (
    _labels("all labels plus one", p.relabelled(p.plus(1))),
    _labels("labels of test plus one", p.relabelled(p.plus(1), splits=_TEST)),
    _labels("labels counted backwards", p.relabelled(p.reversed_classes)),
    _labels("classes in alphabetical order", p.relabelled(p.sorted_as_text)),
    _labels("4 and 9 exchanged", p.relabelled(p.swapped(4, 9))),
    _labels("any label in 10 %", p.relabelled(p.any_other, 0.1)),
    _labels("any label in 5 %", p.relabelled(p.any_other, 0.05)),
    _labels("any label in 2 %", p.relabelled(p.any_other, 0.02)),
    _labels("any label in 1 %", p.relabelled(p.any_other, 0.01)),
    _labels("half of 7 called 1", p.relabelled(p.to(1), 0.5, of_class=7)),
    _labels("a fifth of 5 called 3", p.relabelled(p.to(3), 0.2, of_class=5)),
    _labels(
        "a tenth of 4 called 9 in train", p.relabelled(p.to(9), 0.1, _TRAIN, of_class=4)
    ),
    _labels(
        "all of 8 called 3 in test", p.relabelled(p.to(3), splits=_TEST, of_class=8)
    ),
    _labels("labels of the record before", p.relabelled(p.of_the_neighbour)),
    _labels(
        "labels of the record before in test",
        p.relabelled(p.of_the_neighbour, splits=_TEST),
    ),
    _labels("a shard of 8 with the labels before", p.neighbours_in_a_shard(8)),
    _labels("a shard of 40 with the labels before", p.neighbours_in_a_shard(40)),
    _labels("labels of train shuffled", p.relabelled(p.shuffled, splits=_TRAIN)),
    _labels("labels of test shuffled", p.relabelled(p.shuffled, splits=_TEST)),
    _labels("5 % of 2 any label", p.relabelled(p.any_other, 0.05, of_class=2)),
    _labels("30 % of val called 0", p.relabelled(p.to(0), 0.3, ("val",))),
    _labels("copies in train with another label", p.repeated(0.01, "train", step=1)),
)

SPLITS = (
    _data("10 % of test in train", p.copied("test", "train", 0.1)),
    _data("10 % of val in train", p.copied("val", "train", 0.1)),
    _data("2 % of train in test", p.copied("train", "test", 0.02)),
    _data(
        "20 % of test in train, a pixel off",
        p.copied("test", "train", 0.2, c.one_pixel),
    ),
    _data(
        "10 % of test in train, moved", p.copied("test", "train", 0.1, c.moved(1, 1))
    ),
    _data(
        "10 % of test in train, dimmed", p.copied("test", "train", 0.1, c.times(0.7))
    ),
    _data("10 % of test in train, noisy", p.copied("test", "train", 0.1, c.noisy(10))),
    _data("10 % of test in train, turned", p.copied("test", "train", 0.1, c.turned(5))),
    _data("10 % of test in train, in JPEG", p.copied("test", "train", 0.1, c.jpeg(50))),
    _data(
        "10 % of test in train, larger", p.copied("test", "train", 0.1, c.resized(1.1))
    ),
    _data(
        "10 % of test in train, mirrored", p.copied("test", "train", 0.1, c.mirrored)
    ),
    _data(
        "1 % of test in train, a pixel off",
        p.copied("test", "train", 0.01, c.one_pixel),
    ),
    _data("test drawn from train", p.part_of("train", "test")),
    _data("val drawn from train", p.part_of("train", "val")),
    _data("val is test", p.part_of("test", "val")),
    _data("5 % of train twice", p.repeated(0.05, "train")),
    _data("half of test once more", p.repeated(0.5, "test")),
    _data("5 % of train twice, moved", p.repeated(0.05, "train", c.moved(0, 1))),
    _data("a shard of train twice", p.twice("train", 0.25)),
    _data("test copies with other labels", p.copied("test", "train", 0.05, step=1)),
    _data("a class gone from train", p.kept("train", 0, of_class=6)),
    _data("a class gone from test", p.kept("test", 0, of_class=6)),
    _data("a class rare in train", p.kept("train", 0.05, of_class=6)),
    _data("train sorted and cut", p.first_of_sorted("train", 0.8)),
    _data("val of 50 records", p.kept("val", 0.05)),
    _data("most of train lost", p.kept("train", 0.1)),
    _data("train half of ones", p.mostly(1, 0.5, "train")),
    _data("balance of test moved", p.balance_moved("test", range(5), 0.4)),
)

KINDS = (*IMAGES, *LABELS, *SPLITS)
