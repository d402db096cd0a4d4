"""The nodes laid out in time."""

import pytest

from pipeline.reporting.timeline import timeline


def node(name: str, seconds: float, state: str = "done") -> dict:
    return {"id": name, "state": state, "seconds": seconds}


def test_nodes_follow_each_other_after_the_start_up() -> None:
    nodes = [node("ExampleGen", 2.0), node("Trainer", 6.0, "cached")]
    first, second, third = timeline({"components": nodes, "seconds": 10.0})

    assert (first.name, first.seconds, first.index) == ("start-up", 2.0, None)
    assert (second.name, second.start, second.share) == ("ExampleGen", 0.2, 0.2)
    assert (third.name, third.start, third.share) == ("Trainer", 0.4, 0.6)
    assert (third.state, third.index) == ("cached", 1)


def test_rounded_seconds_never_reach_beyond_the_end() -> None:
    # Each is rounded, so together they can be more than the whole.
    spans = timeline({"components": [node("A", 5.0), node("B", 5.04)], "seconds": 10.0})

    assert spans[0].share == 0.0
    assert spans[-1].start + spans[-1].share == pytest.approx(1.0)


def test_a_run_that_took_no_time_is_laid_out_too() -> None:
    spans = timeline({"components": [node("A", 0.0, "not run")], "seconds": 0.0})

    assert [span.share for span in spans] == [0.0, 0.0]
