"""Running node after node: what an error, or Ctrl-C, in one of them does."""

import pytest

from pipeline import local_runner
from pipeline.config import Config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS
from pipeline.local_runner import NodeResult, run_nodes

FIRST, SECOND = "ExampleGen", "PreviousModelResolver"


def run_with(
    config: Config, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> list[NodeResult]:
    """Runs the nodes; the second one raises ``error``, the others do nothing."""

    def launch(compiled, node) -> str:
        if node.node_info.id == SECOND:
            raise error
        return "done"

    monkeypatch.setattr(local_runner, "_launch", launch)
    return run_nodes(
        create_pipeline(config, NO_DIGESTS), "run-1", lambda _: None, lambda _: None
    )


@pytest.mark.parametrize("error", [OSError("planted"), KeyboardInterrupt()])
def test_what_follows_a_failure_does_not_run(
    error: BaseException, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *rest = run_with(config, monkeypatch, error)

    assert [(one.id, one.state) for one in (first, second)] == [
        (FIRST, "done"),
        (SECOND, "failed"),
    ]
    assert {one.state for one in rest} == {"not run"}
    assert len(rest) == 13


def test_an_interrupt_says_how_to_go_on(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run_with(config, monkeypatch, KeyboardInterrupt())[1]

    assert str(result.error) == (
        "Expected PreviousModelResolver to end. Received: an interrupt, Ctrl-C. Run "
        "again: what ended is cached, and a training goes on after its last whole "
        "epoch."
    )
