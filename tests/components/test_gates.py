"""The table of gates: what the interface promises, and what tells gates apart."""

from typing import get_type_hints

import pytest

from components.checks import Check, GateError
from components.gates import BLESSING_GATES, EXIT_CODES, EXIT_CODES_HELP, GATES, Gate


def test_every_way_to_end_has_the_exit_code_of_the_design() -> None:
    assert EXIT_CODES == {
        "pushed": 0,
        "failed": 1,
        "data_rejected": 3,
        "model_rejected": 4,
        "serving_rejected": 5,
    }
    assert EXIT_CODES_HELP == (
        "2 usage, 3 data rejected, 4 model rejected, 5 serving check rejected, "
        "1 anything else"
    )


NODE = ("node", "output", "artifact", "pusher_input")


@pytest.mark.parametrize("field", ["node", "pusher_input"])
def test_no_two_nodes_share(field: str) -> None:
    values = [getattr(gate, field) for gate in GATES]

    assert len(set(values)) == len(values)


@pytest.mark.parametrize("field", sorted(get_type_hints(Gate).keys() - set(NODE)))
def test_no_two_gates_share_what_the_nodes_of_one_do(field: str) -> None:
    values = {(gate.id, getattr(gate, field)) for gate in GATES}

    assert len(values) == len(dict(values)) == len({value for _, value in values})


def test_the_gate_of_data_stops_the_run_and_the_others_bless() -> None:
    assert [gate.id for gate in GATES] == ["data", "model", "model", "serving"]
    assert [gate.node for gate in BLESSING_GATES] == [
        "Evaluator",
        "ModelAudit",
        "ServingCheck",
    ]


@pytest.mark.parametrize("gate", GATES)
def test_a_refusal_has_the_exit_code_of_its_gate(gate: Gate) -> None:
    passed = Check(gate.id, "size", "train", 5, 1, True)
    failed = Check(gate.id, "drift", "val", 0.2, 0.1, False, advice="Look.")
    error = GateError([passed, failed])

    assert (error.gate.id, error.exit_code) == (gate.id, gate.exit_code)
    assert str(error) == f"{gate.id} gate: drift, val: 0.2, bound 0.1\nLook."


def test_checks_of_no_gate_in_the_table_are_a_mistake() -> None:
    with pytest.raises(KeyError, match="noise"):
        GateError([Check("noise", "accuracy", "loud", 0.5, 0.9, False)])
