"""The baseline is the latest blessed model, and never the candidate itself."""

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.baseline import LatestOtherBlessedModelStrategy

BLESSED, NOT_BLESSED = 1, 0


def model(number: int) -> Model:
    artifact = Model()
    artifact.id = number
    # The store tells artifacts apart by state too; these were all published.
    artifact.mlmd_artifact.state = metadata_store_pb2.Artifact.LIVE
    return artifact


def blessing(number: int, verdict: int) -> ModelBlessing:
    artifact = ModelBlessing()
    artifact.id = 100 + number
    artifact.set_int_custom_property("current_model_id", number)
    artifact.set_int_custom_property("blessed", verdict)
    return artifact


def baseline(verdicts: dict[int, int], candidate: int) -> tuple[list[int], list[int]]:
    """Ids of the resolved model and blessing; ``verdicts`` by number of the model."""
    inputs = {
        "model": [model(number) for number in {*verdicts, candidate}],
        "model_blessing": [blessing(*item) for item in verdicts.items()],
        "candidate": [model(candidate)],
    }
    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)
    assert set(resolved) == {"model", "model_blessing", "candidate"}
    assert [artifact.id for artifact in resolved["candidate"]] == [candidate]
    return (
        [artifact.id for artifact in resolved["model"]],
        [artifact.id for artifact in resolved["model_blessing"]],
    )


@pytest.mark.parametrize(
    "verdicts",
    [
        pytest.param({}, id="first run"),
        pytest.param({1: NOT_BLESSED, 2: NOT_BLESSED}, id="all refused"),
        pytest.param({3: BLESSED}, id="candidate cached and blessed"),
        pytest.param({1: NOT_BLESSED, 3: BLESSED}, id="other one refused"),
    ],
)
def test_there_is_no_baseline_without_another_blessed_model(verdicts) -> None:
    assert baseline(verdicts, candidate=3) == ([], [])


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param({1: BLESSED}, 1, id="candidate is new"),
        pytest.param({1: BLESSED, 3: BLESSED}, 1, id="candidate was blessed before"),
        pytest.param({1: BLESSED, 2: BLESSED}, 2, id="two blessed"),
        pytest.param({2: BLESSED, 1: BLESSED}, 2, id="two blessed, other order"),
        pytest.param({1: BLESSED, 2: NOT_BLESSED}, 1, id="latest refused"),
        pytest.param({1: BLESSED, 4: BLESSED}, 4, id="a later one than the candidate"),
    ],
)
def test_the_baseline_is_the_latest_other_blessed_model(verdicts, expected) -> None:
    assert baseline(verdicts, candidate=3) == ([expected], [100 + expected])


def test_all_three_inputs_stay_as_they_were() -> None:
    inputs = {
        "model": [model(1), model(2)],
        "model_blessing": [blessing(1, BLESSED), blessing(2, BLESSED)],
        "candidate": [model(2)],
    }
    LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)

    assert {key: [a.id for a in values] for key, values in inputs.items()} == {
        "model": [1, 2],
        "model_blessing": [101, 102],
        "candidate": [2],
    }


def test_before_there_is_a_candidate_the_latest_blessed_model_is_taken() -> None:
    inputs = {
        "model": [model(number) for number in (1, 2, 3)],
        "model_blessing": [blessing(1, BLESSED), blessing(2, BLESSED)],
    }
    resolved = LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)

    assert set(resolved) == {"model", "model_blessing"}
    assert [artifact.id for artifact in resolved["model"]] == [2]
