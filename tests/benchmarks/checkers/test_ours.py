"""What DataGate says becomes what was found."""

from benchmarks.checkers.exchange import Found
from benchmarks.checkers.ours import found_by
from components.checks import Check


def check(name: str, passed: bool, policy: str = "error") -> Check:
    return Check("data", name, "test", 0.1, 0.2, passed, policy)


def test_checks_that_stop_are_told_from_those_that_warn():
    checks = [
        check("leakage", passed=True),
        check("repeats", passed=False),
        check("balance", passed=False, policy="warn"),
    ]

    assert found_by(checks) == Found(failed=["repeats, test"], warned=["balance, test"])
