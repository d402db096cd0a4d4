"""Findings held to bounds: what stops, what warns, what passes."""

import dataclasses

import pytest

from components.data import audit_findings as found
from components.data.audit_files import Measured
from components.data.audit_rules import audit_checks
from components.gate_settings import DataGateSettings

SETTINGS = DataGateSettings()


def judged(name: str, value: float, count: int = 10**6, settings=SETTINGS):
    [check] = audit_checks(
        [Measured(name, "test", value, count, "by ink", 12, "sheet.png")], settings
    )
    return check


@pytest.mark.parametrize(
    ("name", "passes", "warns", "stops"),
    [
        (found.UNLIKE, 0.003, 0.008, 0.02),
        (found.UNLIKE_TRAIN, 0.003, 0.008, 0.02),
        (found.SHIFT, 0.5, 0.9, 1.3),
        (found.CLASS_SHIFT, 0.9, 1.3, 1.8),
        (found.DISAGREEMENT, 0.004, 0.008, 0.02),
        (found.ONE_LABEL, 0.02, 0.05, 0.1),
        (found.NEAR_COPIES, 0.0002, 0.0005, 0.002),
        (found.REPEATS, 0.0, 0.005, 0.02),
        (found.WRONG_LABELS, 0.009, 0.03, 0.06),
        (found.WRONG_CLASS, 0.03, 0.08, 0.12),
        (found.SHORTCUT, 0.25, 0.5, 0.7),
        (found.ONE_SHORTCUT, 0.7, 0.9, 0.95),
    ],
)
def test_each_finding_passes_warns_and_stops(name, passes, warns, stops):
    good, odd, bad = (judged(name, value) for value in (passes, warns, stops))
    assert good.passed
    assert good.advice == ""
    assert not odd.passed
    assert odd.policy == "warn"
    assert not odd.stops
    assert bad.stops
    assert odd.bound < bad.bound
    assert "12 records; suspects.csv of the audit lists them for 'data q" in bad.advice
    assert "raise data_gate.max_" in bad.advice
    assert "raise data_gate.warn_" in odd.advice


def test_chance_widens_the_bound_of_a_small_split():
    large, small = judged(found.UNLIKE, 0.0), judged(found.UNLIKE, 0.0, count=500)
    assert large.bound == pytest.approx(0.01, abs=0.001)
    assert small.bound == pytest.approx(0.01 + 3 * (0.01 * 0.99 / 500) ** 0.5)


def test_one_pair_of_a_small_split_looks_alike_by_chance():
    assert judged(found.NEAR_COPIES, 1 / 500, count=500).passed
    assert judged(found.NEAR_COPIES, 2 / 500, count=500).stops


@pytest.mark.parametrize("policy", ["warn", "off"])
def test_a_policy_takes_the_teeth_out(policy):
    settings = dataclasses.replace(SETTINGS, unlike=policy)
    checks = audit_checks(
        [Measured(found.UNLIKE, "test", 0.9, 10**6, "", 9, "")], settings
    )
    assert [check.stops for check in checks] == ([False] if policy == "warn" else [])


def test_every_finding_has_a_rule():
    names = {v for k, v in vars(found).items() if k.isupper() and isinstance(v, str)}
    names -= {found.TRAIN}
    assert {judged(name, 0.0).name for name in names} == names
