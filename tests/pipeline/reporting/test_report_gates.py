"""Checks grouped for the page."""

from pipeline.reporting.gates import gates


def check(gate: str, name: str, where: str, bound: float, passed: bool = True) -> dict:
    return {
        "gate": gate,
        "name": name,
        "slice": where,
        "value": 0.5,
        "bound": bound,
        "passed": passed,
    }


CHECKS = [
    check("data", "size", "train", 1000),
    check("data", "size", "val", 100),
    check("data", "size", "test", 100, passed=False),
    check("model", "accuracy", "overall", 0.98),
    check("model", "size", "export", 100),
]


def test_checks_of_one_name_and_bound_share_a_row_and_keep_their_place() -> None:
    data, model = gates({"checks": CHECKS})

    assert [[index for index, _ in row.checks] for row in data.rows] == [[0], [1, 2]]
    assert [row.name for row in model.rows] == ["accuracy", "size"]
    assert model.rows[1].checks == [(4, CHECKS[4])]


def test_gates_count_their_checks() -> None:
    data, model = gates({"checks": CHECKS})

    assert (data.name, data.passed, data.total) == ("data", 2, 3)
    assert data.rows[1].failed == [CHECKS[2]]
    assert (model.name, model.passed, model.total) == ("model", 2, 2)


def test_a_run_without_checks_has_no_gates() -> None:
    assert gates({"checks": []}) == []
