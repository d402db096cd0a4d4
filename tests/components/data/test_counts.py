"""Counts add up in any order, distances are exact, files give back what was put in."""

import itertools
import json

import pytest

from components.data.counts import (
    DataStatistics,
    SplitStatistics,
    label_distance,
    pixel_divergence,
    read_statistics,
    total,
    write_statistics,
)


def split(labels: dict[int, int], pixels: dict[int, int], **counts) -> SplitStatistics:
    return SplitStatistics(
        examples=sum(labels.values()),
        labels=tuple(labels.get(digit, 0) for digit in range(10)),
        pixels=tuple(pixels.get(value, 0) for value in range(256)),
        **counts,
    )


ONE = split({3: 2}, {0: 6, 255: 2}, malformed=1)
OTHER = split({3: 1, 4: 1}, {0: 4, 127: 2, 128: 2}, constant=1)
PARTS = [
    DataStatistics({"train": ONE}),
    DataStatistics({"train": OTHER, "val": ONE}),
    DataStatistics({}, {("train", "val"): 2}, {(1, 7): 1}),
    DataStatistics({}, {("train", "val"): 1}, {(4, 9): 3}),
]


def test_parts_add_up_the_same_in_any_order():
    expected = DataStatistics(
        {
            "train": split(
                {3: 3, 4: 1},
                {0: 10, 255: 2, 127: 2, 128: 2},
                malformed=1,
                constant=1,
            ),
            "val": ONE,
        },
        {("train", "val"): 3},
        {(1, 7): 1, (4, 9): 3},
    )
    assert all(total(order) == expected for order in itertools.permutations(PARTS))


def test_nothing_adds_up_to_nothing():
    assert total([]) == DataStatistics({}, {}, {})
    assert total([]).split("train") == SplitStatistics()


def test_shares_mean_and_ink():
    assert OTHER.label_shares.tolist() == [0, 0, 0, 0.5, 0.5, 0, 0, 0, 0, 0]
    assert OTHER.pixel_shares[[0, 127, 128]].tolist() == [0.5, 0.25, 0.25]
    assert OTHER.mean == pytest.approx((127 * 2 + 128 * 2) / 8 / 255)
    # 127 lies below half of 255, 128 above.
    assert OTHER.ink == 0.25


def test_label_distance_is_the_largest_difference():
    assert label_distance(ONE, OTHER) == 0.5
    assert label_distance(ONE, ONE) == 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param({0: 4}, {0: 9}, 0.0, id="equal"),
        pytest.param({0: 4}, {255: 4}, 1.0, id="disjoint"),
        # (log2(4/3) + 0.5·log2(2/3) + 0.5·log2(2)) / 2
        pytest.param({0: 4}, {0: 2, 255: 2}, 0.3112781244591328, id="half"),
    ],
)
def test_pixel_divergence_is_that_of_jensen_and_shannon(one, other, expected):
    p, q = split({0: 1}, one), split({0: 1}, other)
    assert pixel_divergence(p, q) == pytest.approx(expected)
    assert pixel_divergence(q, p) == pytest.approx(expected)


def test_a_file_gives_back_the_counts_and_shows_what_follows(tmp_path):
    statistics = total([*PARTS, DataStatistics({"test": SplitStatistics()})])
    write_statistics(tmp_path, statistics)

    assert read_statistics(tmp_path) == statistics
    shown = json.loads((tmp_path / "statistics.json").read_text())["splits"]
    assert shown["val"]["label_shares"] == [0, 0, 0, 1.0, 0, 0, 0, 0, 0, 0]
    assert (shown["val"]["mean"], shown["val"]["ink"]) == (0.25, 0.25)
    assert "mean" not in shown["test"]


def test_a_file_that_is_gone_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_statistics(tmp_path)
