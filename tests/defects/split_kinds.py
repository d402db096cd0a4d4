"""Defects of splits: copies, sizes and shares of classes; a row a kind."""

from tests.defects import changes as c
from tests.defects import plants as p
from tests.defects.kind import (
    LABEL_DRIFT,
    LEAKAGE,
    NEAR_COPIES,
    REPEATS,
    Between,
    Kind,
    Refusal,
    Strength,
    missed,
    planted,
)


def _exact(
    name: str, plant: p.Plant, check: str, where: str, value: object, bound: float
) -> Kind:
    return Kind(name, "data", Refusal("data", check, where, value, bound), plant=plant)


def _near(name: str, share: float, change: c.Change, line: float) -> Kind:
    """Near copies of a share of test in train."""
    plant = p.copied("test", "train", share, change)
    return planted(name, plant, NEAR_COPIES, "train/test", line)


def _repeats(name: str, plant: p.Plant, line: float, strength: Strength) -> Kind:
    return planted(name, plant, REPEATS, "train", line, strength=strength)


COPIES = (
    _exact(
        "10 % of test in train",
        p.copied("test", "train", 0.1),
        LEAKAGE,
        "train/test",
        200,
        0,
    ),
    _exact(
        "2 % of train in test",
        p.copied("train", "test", 0.02),
        LEAKAGE,
        "train/test",
        120,
        0,
    ),
    _exact(
        "test copies with other labels",
        p.copied("test", "train", 0.05, step=1),
        LEAKAGE,
        "train/test",
        100,
        0,
    ),
    _exact(
        "test drawn from train",
        p.part_of("train", "test"),
        LEAKAGE,
        "train/test",
        2000,
        0,
    ),
    _exact("val is test", p.part_of("test", "val"), LEAKAGE, "val/test", 1000, 0),
    _near("20 % of test in train, a pixel off", 0.2, c.one_pixel, 0.02),
    _near("1 % of test in train, a pixel off", 0.01, c.one_pixel, 0.003),
    planted(
        "1 in 1,000 of test in train, a pixel off",
        p.copied("test", "train", 0.001, c.one_pixel),
        NEAR_COPIES,
        "train/test",
        0.0009,
        strength="warn",
    ),
    _near("10 % of test in train, moved", 0.1, c.moved(1, 1), 0.01),
    _near("10 % of test in train, dimmed", 0.1, c.times(0.7), 0.01),
    _near("10 % of test in train, noisy", 0.1, c.noisy(10), 0.008),
    _near("10 % of test in train, in JPEG", 0.1, c.jpeg(50), 0.01),
    missed(_near("10 % of test in train, turned", 0.1, c.turned(5), 0.01)),
    missed(_near("10 % of test in train, larger", 0.1, c.resized(1.1), 0.01)),
    _repeats("5 % of train twice", p.repeated(0.05, "train"), 0.02, "error"),
    _repeats("0.5 % of train twice", p.repeated(0.005, "train"), 0.003, "warn"),
    _repeats("a shard of train twice", p.twice("train", 0.25), 0.04, "error"),
)

SHARES = (
    _exact(
        "a class gone from train",
        p.kept("train", 0, of_class=6),
        "balance",
        "train",
        0,
        0.03,
    ),
    _exact(
        "a class gone from test",
        p.kept("test", 0, of_class=6),
        "balance",
        "test",
        0,
        0.03,
    ),
    _exact(
        "train sorted and cut",
        p.first_of_sorted("train", 0.8),
        "balance",
        "train",
        0,
        0.03,
    ),
    _exact(
        "one class 90 %",
        p.mostly(1, 0.9, "train"),
        "balance",
        "train",
        Between(0.005, 0.015),
        0.03,
    ),
    _exact("val of 50 records", p.kept("val", 0.05), "size", "val", 50, 100),
    _exact("most of train lost", p.kept("train", 0.1), "size", "train", 600, 1000),
    planted(
        "train half of ones",
        p.mostly(1, 0.5, "train"),
        LABEL_DRIFT,
        "test against train",
        0.2,
    ),
    missed(
        planted(
            "balance of test moved",
            p.balance_moved("test", range(5), 0.4),
            LABEL_DRIFT,
            "test against train",
            0.1,
        )
    ),
)

SPLITS = (*COPIES, *SHARES)
