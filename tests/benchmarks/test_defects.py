"""The table of planted defects counts what was caught, and what was not."""

import attrs
import pytest

from benchmarks.defects import Collector, Row
from benchmarks.pages import count_defects, defects_page

DEFECT = "tests/defects/test_defects.py::test_defect[{}]"
GOOD = "tests/defects/test_good_data.py::test_good_data[{}]"
CHECK = {
    "gate": "data",
    "name": "size",
    "slice": "val",
    "value": "too | few",
    "bound": 100.0,
    "passed": False,
    "direction": "at least",
}
CAUGHT = {
    "family": "data",
    "strength": "error",
    "check": CHECK,
    "exit_code": 3,
    "seconds": 4.2,
}


@attrs.frozen
class Report:
    """Stands in for pytest's: one phase of one case."""

    nodeid: str
    passed: bool = True
    user_properties: list = attrs.field(factory=list)
    skipped: bool = False
    longrepr: tuple = ()

    @property
    def failed(self) -> bool:
        return not self.passed and not self.skipped


def collected(*ids: str) -> Collector:
    collector = Collector()
    collector.pytest_xdist_node_collection_finished(ids=ids)
    return collector


def counts(collector: Collector) -> str:
    return count_defects([attrs.asdict(row) for row in collector.rows()])


def page(*rows: Row) -> str:
    origin = {"tfx": "1.0", "machine": "a machine", "jobs": 2, "minutes": 0.5}
    measured = {**origin, "commit": "abc", "date": "2026-11-24"}
    return defects_page({**measured, "rows": [attrs.asdict(row) for row in rows]})


def test_caught_defects_and_false_alarms_are_counted() -> None:
    good = [GOOD.format(f"seed {seed}") for seed in range(3)]
    defects = [DEFECT.format(title) for title in ("empty", "torn")]
    collector = collected(good[0], *defects, *good[1:])
    for case in (*good, *defects):
        passed = case not in (good[1], defects[0])
        collector.pytest_runtest_logreport(Report(case))
        collector.pytest_runtest_logreport(Report(case, passed))

    assert counts(collector) == ("Caught 1/2 defects; false alarms 1/3 clean draws.")


@pytest.mark.parametrize("phases", [(), (True, False), (False,), (True, True, False)])
def test_a_case_that_did_not_end_well_was_not_caught(phases) -> None:
    collector = collected(DEFECT.format("torn"))
    for passed in phases:
        collector.pytest_runtest_logreport(Report(DEFECT.format("torn"), passed))

    [row] = collector.rows()
    assert not row.passed
    assert counts(collector).startswith("Caught 0/1 defects; false alarms 0/0")


def test_defects_come_in_their_order_before_what_is_clean() -> None:
    collector = collected(GOOD.format("seed 0"), *map(DEFECT.format, "ba"))

    assert [row.title for row in collector.rows()] == ["b", "a", "seed 0"]


def test_what_a_case_recorded_is_in_its_row() -> None:
    case = DEFECT.format("a [b] c")
    collector = collected(case)
    collector.pytest_runtest_logreport(Report(case))
    recorded = list(CAUGHT.items())
    collector.pytest_runtest_logreport(Report(case, user_properties=recorded))

    [row] = collector.rows()
    assert row == Row("a [b] c", clean=False, passed=True, **CAUGHT)
    line = "| a [b] c | data | error | data | size, val | too \\| few | ≥ 100 | 4.2 |\n"
    assert line in page(row)
    assert "\n| data | 1 | 0 |\n| labels | 0 | 0 |\n" in page(row)


def test_what_was_skipped_is_no_false_alarm_and_says_why() -> None:
    collector = collected(GOOD.format("clothes"))
    why = ("file", 3, "Skipped: not installed")
    collector.pytest_runtest_logreport(
        Report(GOOD.format("clothes"), passed=False, skipped=True, longrepr=why)
    )

    [row] = collector.rows()
    assert row.skipped == "not installed"
    assert counts(collector) == (
        "Caught 0/0 defects; false alarms 0/0 clean draws. Skipped 1: not installed."
    )
    assert "| clothes | none | skipped: not installed | none |\n" in page(row)


def test_what_no_gate_sees_yet_is_not_caught() -> None:
    case = DEFECT.format("turned copies")
    collector = collected(case)
    missed = [("family", "data"), ("strength", "miss"), ("seconds", 7.0)]
    collector.pytest_runtest_logreport(Report(case, user_properties=missed))

    [row] = collector.rows()
    assert not row.passed
    assert counts(collector).startswith("Caught 0/1 defects")
    assert "| turned copies | data | miss | NOT CAUGHT | | | | 7.0 |\n" in page(row)


def test_what_went_wrong_is_named_in_the_table() -> None:
    rows = [
        Row("torn", clean=False, passed=False, family="data", strength="error"),
        Row("seed 0", clean=True, passed=False, exit_code=4, seconds=9.0),
    ]
    table = page(*rows)

    assert "| torn | data | error | NOT CAUGHT | | | | none |\n" in table
    assert "| seed 0 | 4 | FALSE ALARM | 9.0 |\n" in table
    assert "\nTFX 1.0, a machine, 2 runs at a time, 0.5 minutes in all;\n" in table
    assert "\ncommit abc, 2026-11-24.\n" in table
    assert "\nCaught 0/1 defects; false alarms 1/1 clean draws.\n" in table
