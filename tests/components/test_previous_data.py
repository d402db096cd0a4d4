"""Data is compared with the latest verdict on other data."""

import pytest
from tfx.types.standard_artifacts import ExampleStatistics

from components.artifacts import DataVerdict
from components.previous_data import PreviousDataStrategy


def statistics(number: int) -> ExampleStatistics:
    artifact = ExampleStatistics()
    artifact.id = number
    return artifact


def verdict(number: int, statistics_id: int) -> DataVerdict:
    artifact = DataVerdict()
    artifact.id = number
    artifact.set_int_custom_property("statistics_id", statistics_id)
    return artifact


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param([], [], id="first run"),
        pytest.param([(10, 3)], [], id="nothing changed"),
        pytest.param([(10, 1)], [10], id="other data before"),
        pytest.param([(10, 1), (11, 2)], [11], id="latest of two"),
        pytest.param([(11, 2), (10, 1)], [11], id="latest of two, other order"),
        pytest.param([(10, 1), (11, 3)], [10], id="this data accepted already"),
        pytest.param([(10, 3), (11, 1)], [11], id="back to earlier data"),
    ],
)
def test_the_latest_verdict_on_other_data_is_resolved(verdicts, expected):
    current = statistics(3)
    inputs = {
        "verdict": [verdict(*each) for each in verdicts],
        "statistics": [current],
    }
    resolved = PreviousDataStrategy().resolve_artifacts(None, inputs)

    # A key left out would count as an input that is missing.
    assert set(resolved) == {"verdict", "statistics"}
    assert [artifact.id for artifact in resolved["verdict"]] == expected
    assert resolved["statistics"] == [current]
