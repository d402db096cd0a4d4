"""Good data and default training, which every gate must let through."""

import pytest

from tests.defects.small_data import write_random_records


@pytest.mark.parametrize("seed", range(10), ids="seed {}".format)
def test_good_data(bench, served_before, record_property, seed: int) -> None:
    # Beside a model that serves: drift and drops of accuracy are measured, too.
    write_random_records(bench.data, seed)
    finished = bench.run("--set", f"train.seed={seed}")
    record_property("exit_code", finished.code)
    record_property("seconds", finished.seconds)
    assert finished.code == 0, finished.screen
    assert finished.summary["status"] == "pushed"
    assert finished.failed() == []
    assert finished.summary["baseline"] is not None
    record_property("message", f"{len(finished.summary['checks'])} checks passed")
    [before], [_, pushed] = served_before.versions, bench.served().versions
    assert pushed > before
    assert finished.summary["model"]["version"] == str(pushed)
