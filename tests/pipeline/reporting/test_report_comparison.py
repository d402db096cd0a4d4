"""The change against the baseline."""

import pytest

from pipeline.reporting.comparison import compare
from pipeline.reporting.sources import Sources, UnavailableError


def test_changes_overall_and_of_each_class(lineage, make_summary) -> None:
    found = compare(Sources(make_summary(), lineage))

    assert found.run == "20251231-110000-beef"
    assert found.rows[0] == ("overall", "accuracy", pytest.approx(0.01))
    assert found.rows[4] == ("3 (Dress)", "per_class.3", pytest.approx(-0.02))
    assert found.rows[5] == ("4 (Coat <b>)", "per_class.4", 0.0)
    assert found.loss_change == pytest.approx(-0.0625)


def test_which_model_the_baseline_is_and_why_is_told(lineage, make_summary) -> None:
    chosen = {"uri": "/m", "version": "7", "run_id": None, "why": "the model of 7"}
    summary = make_summary(baseline_model=chosen)
    assert compare(Sources(summary, lineage)).what == "the model of 7"

    summary["baseline"] = None
    with pytest.raises(UnavailableError, match=r"Compared with the model of 7\."):
        compare(Sources(summary, lineage))


def test_a_class_that_was_not_measured_has_no_change(lineage, make_summary) -> None:
    summary = make_summary()
    summary["metrics"]["per_class"]["3"] = None

    assert compare(Sources(summary, lineage)).rows[4][2] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"metrics": None, "baseline": None}, "no model was evaluated"),
        ({"baseline": None}, "no earlier model was blessed"),
        (
            {"baseline": None, "config": {"rebaseline": True}},
            "told to leave the baseline out",
        ),
    ],
)
def test_without_a_baseline_the_reason_is_told(
    lineage, make_summary, changes, reason
) -> None:
    with pytest.raises(UnavailableError, match=reason):
        compare(Sources(make_summary(**changes), lineage))
