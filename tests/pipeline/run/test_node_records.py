"""What nodes in containers of their own write down for the end of their run."""

from pathlib import Path

import pytest

from components.checks import Check, DataRejectedError
from components.errors import PipelineError
from pipeline.local_runner import NodeResult
from pipeline.run.node_records import NodeRecord, RunRecords

LEAK = Check("data", "leakage", "train, test", 0.2, 0.0, passed=False, advice="Split.")


@pytest.fixture
def records(tmp_path: Path) -> RunRecords:
    return RunRecords(tmp_path / "runs" / "run-1")


def test_what_is_written_is_read_again(records: RunRecords) -> None:
    record = NodeRecord("DataGate", "failed", 100.5, 2.25, 3, "no", (LEAK,))
    records.write(NodeRecord("DataGate", "running"))
    records.write(record)

    assert records.read("DataGate") == record
    assert records.read("Trainer") is None


def test_a_node_that_ended_well_is_its_state(records: RunRecords) -> None:
    records.write(NodeRecord("Trainer", "done", seconds=4.0))
    records.write(NodeRecord("SchemaGen", "cached", seconds=0.5))

    assert records.results(["SchemaGen", "Trainer", "Pusher"]) == [
        NodeResult("SchemaGen", "cached", 0.5),
        NodeResult("Trainer", "done", 4.0),
        NodeResult("Pusher", "not run"),
    ]


def test_a_model_that_was_refused_is_no_failed_node(records: RunRecords) -> None:
    records.write(NodeRecord("Evaluator", "done", code=4, message="worse"))

    assert records.results(["Evaluator"]) == [NodeResult("Evaluator", "done", 0.0)]


def test_refused_data_keeps_its_checks(records: RunRecords) -> None:
    records.write(NodeRecord("DataGate", "failed", code=3, checks=(LEAK,)))

    [result] = records.results(["DataGate"])

    assert result.state == "failed"
    assert isinstance(result.error, DataRejectedError)
    assert result.error.checks == (LEAK,)


def test_a_failed_node_keeps_its_message(records: RunRecords) -> None:
    records.write(NodeRecord("Trainer", "failed", code=1, message="no room"))

    [result] = records.results(["Trainer"])

    assert type(result.error) is PipelineError
    assert str(result.error) == "no room"


def test_a_node_that_never_ended_was_killed(records: RunRecords) -> None:
    records.write(NodeRecord("Trainer", "running"))

    [result] = records.results(["Trainer"])

    assert result.state == "failed"
    assert "Expected Trainer to end. Received: its process is gone" in str(result.error)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "Trainer"}', "null"])
def test_a_damaged_record_is_that_of_a_node_that_failed(
    records: RunRecords, text: str
) -> None:
    records.write(NodeRecord("SchemaGen", "done", started=40.5))
    (records.folder / "Trainer.json").write_text(text)

    [result] = records.results(["Trainer"])

    assert result.state == "failed"
    assert str(result.error).startswith("Expected how Trainer ended in ")
    assert records.started() == 40.5


def test_a_run_started_with_its_first_node(records: RunRecords) -> None:
    records.write(NodeRecord("Trainer", "done", started=70.0))
    records.write(NodeRecord("SchemaGen", "done", started=40.5))

    assert records.started() == 40.5
