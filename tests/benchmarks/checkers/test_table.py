"""The page of other checkers shows what was recorded of them."""

import pytest

from benchmarks.checkers.run import compare
from benchmarks.pages import checkers_page

RECORDED = {
    "ours": {
        "versions": {"tfx": "1.0"},
        "results": [
            {
                "name": "images turned",
                "part": "defect",
                "seconds": 4.0,
                "cpu": 3.0,
                "failed": ["unlike previous data, test"],
                "warned": [],
                "flagged": {},
            },
            {
                "name": "seed 7",
                "part": "clean",
                "seconds": 6.0,
                "cpu": 5.0,
                "failed": [],
                "warned": ["repeats, train"],
                "flagged": {},
            },
        ],
    },
    "cleanlab": {
        "versions": {"cleanlab": "2.0"},
        "results": [
            {
                "name": "seed 1",
                "part": "good",
                "seconds": 9.0,
                "cpu": 8.0,
                "failed": [],
                "warned": [],
                "flagged": {"label, test": [12, 2000]},
            },
            {
                "name": "images turned",
                "part": "defect",
                "seconds": 9.5,
                "cpu": 8.0,
                "failed": [],
                "warned": [],
                "flagged": {"label, test": [14, 2000]},
            },
            {
                "name": "seed 7",
                "part": "clean",
                "seconds": 9.0,
                "cpu": 8.0,
                "failed": ["non iid"],
                "warned": [],
                "flagged": {"label, test": [13, 2000]},
            },
        ],
    },
}


@pytest.fixture
def page():
    origin = {"tfx": "1.0", "machine": "a machine", "commit": "abc", "date": "today"}
    return checkers_page({**origin, "every": 6, "good": 1, **compare(RECORDED)})


def test_each_data_set_has_a_row_and_each_checker_a_column(page):
    assert "|  | DataGate | cleanlab |\n| --- | --- | --- |\n" in page
    assert "\n| images turned | ✓ unlike previous data, test | – |\n" in page
    assert "\n| good data, seed 7 | warned: repeats, train | ✓ non iid |\n" in page
    assert "seed 1" not in page


def test_totals_are_those_of_the_rows(page):
    assert "\n| defects caught | 1/1 | 0/1 |\n" in page
    assert "\n| good draws with a false alarm | 0/1 | 1/1 |\n" in page
    assert "\n| with a warning besides | 1/1 | 0/1 |\n" in page
    assert "\n| seconds a data set, median | 5.0 | 9.0 |\n" in page
    assert "\n| CPU seconds a data set, median | 4.0 | 8.0 |\n" in page


def test_what_was_compared_is_named(page):
    assert "\nDataGate: tfx 1.0; cleanlab: cleanlab 2.0. TFX 1.0, a machine;" in page
    assert "commit abc,\ntoday.\n" in page
    assert "one in every\n6 of the table" in page
