"""Data is compared with the latest verdict on other data."""

from pathlib import Path

import pytest
from tfx.types.standard_artifacts import ExampleStatistics

from components.artifacts import DataVerdict
from components.data.previous import PreviousDataStrategy


def statistics(number: int) -> ExampleStatistics:
    artifact = ExampleStatistics()
    artifact.id = number
    return artifact


def verdict(
    folder: Path, number: int, statistics_id: int, rebaseline: int = 0
) -> DataVerdict:
    artifact = DataVerdict()
    artifact.id = number
    artifact.uri = str(folder / "DataGate" / "verdict" / str(number))
    Path(artifact.uri).mkdir(parents=True)
    artifact.set_int_custom_property("statistics_id", statistics_id)
    artifact.set_int_custom_property("rebaseline", rebaseline)
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
        pytest.param([(10, 1), (11, 3, 1)], [], id="told of another meaning"),
        pytest.param([(10, 1), (11, 3, 1), (12, 3)], [], id="told so before"),
        pytest.param([(10, 3, 1), (11, 1)], [11], id="told so long ago"),
        pytest.param([(10, 1, 1)], [10], id="told so of other data"),
    ],
)
def test_the_latest_verdict_on_other_data_is_resolved(tmp_path, verdicts, expected):
    current = statistics(3)
    inputs = {
        "verdict": [verdict(tmp_path, *each) for each in verdicts],
        "statistics": [current],
    }
    resolved = PreviousDataStrategy().resolve_artifacts(None, inputs)

    # A key left out would count as an input that is missing.
    assert set(resolved) == {"verdict", "statistics"}
    assert [artifact.id for artifact in resolved["verdict"]] == expected
    assert resolved["statistics"] == [current]


def test_a_run_that_is_told_so_again_is_compared_with_the_same(tmp_path: Path) -> None:
    verdicts = [verdict(tmp_path, 10, 1), verdict(tmp_path, 11, 3, 1)]
    inputs = {"verdict": verdicts, "statistics": [statistics(3)]}

    resolved = PreviousDataStrategy(rebaseline=True).resolve_artifacts(None, inputs)
    assert [artifact.id for artifact in resolved["verdict"]] == [10]


def test_a_verdict_whose_files_are_gone_is_passed_over(tmp_path: Path) -> None:
    verdicts = [verdict(tmp_path, 10, 1), verdict(tmp_path, 11, 2)]
    Path(verdicts[1].uri).rmdir()
    inputs = {"verdict": verdicts, "statistics": [statistics(3)]}

    resolved = PreviousDataStrategy().resolve_artifacts(None, inputs)
    assert [artifact.id for artifact in resolved["verdict"]] == [10]
