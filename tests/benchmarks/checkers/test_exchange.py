"""Data sets go to the checkers, and what these find comes back."""

import json

import numpy as np
import pytest

from benchmarks.checkers.exchange import (
    BEFORE,
    CLEAN,
    DEFECT,
    GOOD,
    Found,
    check_all,
    read_index,
    read_splits,
    write_data_sets,
)


def splits(value: int) -> dict:
    images = np.full((2, 4, 4), value, np.uint8)
    return {"train": (images, np.array([0, 1])), "test": (images + 1, np.array([2, 3]))}


@pytest.fixture
def folder(tmp_path):
    """Holds the data before, a good draw, a clean one and a defect."""
    parts = (BEFORE, GOOD, CLEAN, DEFECT)
    sets = [(f"set {n}", part, splits(10 * n)) for n, part in enumerate(parts)]
    write_data_sets(tmp_path, sets)
    return tmp_path


def test_data_sets_are_read_as_they_were_written(folder):
    assert read_index(folder)[0] == ("set 0", BEFORE)
    assert read_index(folder)[3] == ("set 3", DEFECT)
    read = read_splits(folder, 3)
    assert list(read) == ["train", "test"]
    np.testing.assert_array_equal(read["test"][0], np.full((2, 4, 4), 31))
    np.testing.assert_array_equal(read["test"][1], [2, 3])


def test_each_data_set_is_checked_against_the_data_before(folder, tmp_path):
    def check(before, now):
        assert before["train"][0].max() == 0
        return Found(failed=["dark"], flagged={"seen": (int(now["train"][0].max()), 9)})

    check_all(folder, check, {"a": "1.0"}, tmp_path / "out")

    content = json.loads((tmp_path / "out").read_text())
    assert content["versions"] == {"a": "1.0"}
    found = [(one["name"], one["part"], one["flagged"]) for one in content["results"]]
    assert found == [
        ("set 1", GOOD, {"seen": [10, 9]}),
        ("set 2", CLEAN, {"seen": [20, 9]}),
        ("set 3", DEFECT, {"seen": [30, 9]}),
    ]
    first = content["results"][0]
    assert (first["failed"], first["warned"]) == (["dark"], [])
    assert first["seconds"] >= 0
    assert first["cpu"] >= 0


def test_a_data_set_is_prepared_before_it_is_checked(folder, tmp_path):
    order = []

    def check(before, now):
        order.append(f"check {now['train'][0].max()}")
        return Found()

    def prepare(now):
        order.append(f"prepare {now['train'][0].max()}")

    check_all(folder, check, {}, tmp_path / "out", (DEFECT,), prepare)

    assert order == ["prepare 30", "check 30"]


def test_a_checker_that_breaks_down_has_raised_an_alarm(folder, tmp_path):
    def check(before, now):
        if now["train"][0].max() == 20:
            raise ValueError("one class only")
        return Found()

    check_all(folder, check, {}, tmp_path / "out", (CLEAN, DEFECT))

    found = json.loads((tmp_path / "out").read_text())["results"]
    assert [one["failed"] for one in found] == [["breaks down, ValueError"], []]
