"""What counts as an alarm: what good draws do not show as well."""

from typing import Any

import pytest

from benchmarks.checkers.exchange import CLEAN, DEFECT, GOOD
from benchmarks.checkers.verdicts import judge, summarize


def result(part: str, name: str = "a", **found: Any) -> dict[str, Any]:
    nothing = {"failed": [], "warned": [], "flagged": {}}
    return {"name": name, "part": part, "seconds": 2.0, "cpu": 1.0, **nothing, **found}


def verdict(now: dict[str, Any], *good: dict[str, Any]) -> tuple[str, list[str]]:
    [judged] = judge([*good, now])
    return judged["verdict"], judged["by"]


def test_a_condition_that_fails_is_an_alarm():
    assert verdict(result(DEFECT, failed=["drift"])) == ("alarm", ["drift"])


def test_a_condition_that_warns_is_a_warning():
    assert verdict(result(DEFECT, warned=["drift"])) == ("warning", ["drift"])


def test_an_alarm_goes_before_a_warning():
    now = result(DEFECT, failed=["drift"], warned=["labels"])

    assert verdict(now) == ("alarm", ["drift"])


def test_a_condition_that_a_good_draw_breaks_says_nothing():
    good = result(GOOD, failed=["drift"], warned=["labels"])
    now = result(DEFECT, failed=["drift"], warned=["labels"])

    assert verdict(now, result(GOOD), good) == ("nothing", [])


@pytest.mark.parametrize(
    ("count", "expected"), [(20, "nothing"), (34, "nothing"), (35, "alarm")]
)
def test_flagged_records_are_held_to_the_good_draw_with_the_most(count, expected):
    # 21 of 1,002, and three times its standard deviation of 0.0045.
    good = [result(GOOD, flagged={"dark, val": [n, 1000]}) for n in (5, 20, 10)]
    now = result(DEFECT, flagged={"dark, val": [count, 1000]})

    assert verdict(now, *good)[0] == expected


def test_shares_are_compared_where_the_data_has_another_size():
    good = result(GOOD, flagged={"dark, val": [20, 1000]})

    assert verdict(result(DEFECT, flagged={"dark, val": [30, 1500]}), good) == (
        "nothing",
        [],
    )
    assert verdict(result(DEFECT, flagged={"dark, val": [30, 300]}), good)[0] == "alarm"


def test_what_every_record_has_says_nothing():
    grey = {"greyscale, val": [1000, 1000]}

    assert verdict(result(DEFECT, flagged=grey), result(GOOD, flagged=grey)) == (
        "nothing",
        [],
    )


def test_an_empty_split_raises_nothing_by_itself():
    now = result(DEFECT, flagged={"dark, val": [0, 0]})

    assert verdict(now, result(GOOD, flagged={"dark, val": [0, 9]}))[0] == "nothing"


def test_the_worst_are_named_first():
    good = result(GOOD, flagged={key: [0, 1000] for key in "abcd"})
    counts = {"a": [30, 1000], "b": [90, 1000], "c": [60, 1000], "d": [20, 1000]}

    assert verdict(result(DEFECT, flagged=counts), good)[1] == ["b", "c", "a"]


def test_caught_defects_and_false_alarms_are_counted():
    results = [
        result(GOOD, flagged={"dark": [1, 1000]}),
        result(CLEAN, "quiet"),
        result(CLEAN, "usual", flagged={"dark": [1, 1000]}),
        result(CLEAN, "false", failed=["drift"]),
        result(CLEAN, "doubtful", warned=["drift"]),
        result(DEFECT, "seen", flagged={"dark": [500, 1000]}) | {"seconds": 9.0},
        result(DEFECT, "unseen"),
        result(DEFECT, "doubted", warned=["drift"]),
    ]

    assert summarize(results) == {
        "caught": 1,
        "warned": 1,
        "defects": 3,
        "false_alarms": 1,
        "false_warnings": 1,
        "named": 3,
        "clean": 4,
        "seconds": 2.0,
        "cpu": 1.0,
    }
