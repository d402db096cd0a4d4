"""What nodes in containers of their own write down for the end of their run."""

from pathlib import Path

import pytest

from components.checks import Check, GateError
from components.errors import PipelineError
from components.gates import DATA, MODEL, Gate
from pipeline.local_runner import NodeResult
from pipeline.run.node_attempts import NodeAttempt, NodeAttempts

LEAK = Check("data", "leakage", "train, test", 0.2, 0.0, passed=False, advice="Split.")
LOSS = Check("model", "training loss", "epoch 1 of 2", "inf", "finite", passed=False)


@pytest.fixture
def attempts(tmp_path: Path) -> NodeAttempts:
    return NodeAttempts(tmp_path / "runs" / "run-1")


def test_what_is_written_is_read_again(attempts: NodeAttempts) -> None:
    attempt = NodeAttempt("DataGate", "failed", 100.5, 2.25, 3, "no", (LEAK,))
    attempts.write(NodeAttempt("DataGate", "running"))
    attempts.write(attempt)

    assert attempts.read("DataGate") == attempt
    assert attempts.read("Trainer") is None


def test_a_node_that_ended_well_is_its_state(attempts: NodeAttempts) -> None:
    attempts.write(NodeAttempt("Trainer", "done", seconds=4.0))
    attempts.write(NodeAttempt("SchemaGen", "cached", seconds=0.5))

    assert attempts.results(["SchemaGen", "Trainer", "Pusher"]) == [
        NodeResult("SchemaGen", "cached", 0.5),
        NodeResult("Trainer", "done", 4.0),
        NodeResult("Pusher", "not run"),
    ]


def test_a_model_that_was_refused_is_no_failed_node(attempts: NodeAttempts) -> None:
    attempts.write(NodeAttempt("Evaluator", "done", code=4, message="worse"))

    assert attempts.results(["Evaluator"]) == [NodeResult("Evaluator", "done", 0.0)]


@pytest.mark.parametrize(
    ("node", "gate", "check"),
    [
        pytest.param("DataGate", DATA, LEAK, id="data"),
        pytest.param("Trainer", MODEL, LOSS, id="a training that diverged"),
    ],
)
def test_what_a_gate_refused_by_raising_keeps_its_checks(
    attempts: NodeAttempts, node: str, gate: Gate, check: Check
) -> None:
    attempts.write(NodeAttempt(node, "failed", code=gate.exit_code, checks=(check,)))

    [result] = attempts.results([node])

    assert result.state == "failed"
    assert isinstance(result.error, GateError)
    assert (result.error.gate, result.error.checks) == (gate, (check,))


def test_a_failed_node_keeps_its_message(attempts: NodeAttempts) -> None:
    attempts.write(NodeAttempt("Trainer", "failed", code=1, message="no room"))

    [result] = attempts.results(["Trainer"])

    assert type(result.error) is PipelineError
    assert str(result.error) == "no room"


def test_a_node_that_never_ended_was_killed(attempts: NodeAttempts) -> None:
    attempts.write(NodeAttempt("Trainer", "running"))

    [result] = attempts.results(["Trainer"])

    assert result.state == "failed"
    assert "Expected Trainer to end. Received: its process is gone" in str(result.error)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "Trainer"}', "null"])
def test_a_damaged_attempt_is_that_of_a_node_that_failed(
    attempts: NodeAttempts, text: str
) -> None:
    attempts.write(NodeAttempt("SchemaGen", "done", started=40.5))
    (attempts.folder / "Trainer.json").write_text(text)

    [result] = attempts.results(["Trainer"])

    assert result.state == "failed"
    assert str(result.error).startswith("Expected how Trainer ended in ")
    assert attempts.started() == 40.5


def test_a_run_started_with_its_first_node(attempts: NodeAttempts) -> None:
    attempts.write(NodeAttempt("Trainer", "done", started=70.0))
    attempts.write(NodeAttempt("SchemaGen", "done", started=40.5))

    assert attempts.started() == 40.5
