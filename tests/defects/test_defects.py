"""Every planted defect is seen by the check that must see it."""

import functools

import pytest

from components.gates import DATA
from tests.defects.bench import stop_after_data_gate, take_weights
from tests.defects.export_kinds import EXPORTS, SERVING
from tests.defects.exports import train_with
from tests.defects.kind import Kind
from tests.defects.kinds import KINDS
from tests.defects.meaning_kinds import MEANING
from tests.defects.record_kinds import RECORDS
from tests.defects.training_kinds import TRAINING

ALL = (*RECORDS, *KINDS, *MEANING, *TRAINING, *EXPORTS, *SERVING)


def _case(kind: Kind):
    """A run that DataGate ends takes seconds; the others train or ask a model."""
    short = kind.refusal.gate == DATA.id and kind.strength != "warn"
    return pytest.param(kind, id=kind.name, marks=() if short else pytest.mark.e2e)


@pytest.mark.parametrize("kind", [_case(kind) for kind in ALL])
def test_defect(bench, good, assert_refused, record_property, kind: Kind) -> None:
    record_property("family", kind.family)
    record_property("strength", kind.strength)
    if kind.plant is not None:
        bench.write(kind.plant(good))
    if kind.spoil is not None:
        kind.spoil(bench.data)
    before = [] if kind.trains else [functools.partial(take_weights, bench.export)]
    if kind.run_fn:
        before.append(functools.partial(train_with, f"tests.defects.{kind.run_fn}"))
    if kind.strength == "miss":
        finished = bench.run(*kind.args, before=[stop_after_data_gate])
        record_property("seconds", finished.seconds)
        # Once a check sees it, the row is to say which.
        assert finished.failed() == []
        return
    finished = bench.run(*kind.args, before=before)
    assert_refused(finished, kind.refusal, kind.strength)
    checks = finished.summary["checks"]
    passed = {c["name"] for c in checks if c["slice"] == "overall" and c["passed"]}
    assert passed >= kind.passes
