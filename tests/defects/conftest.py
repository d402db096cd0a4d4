"""The bench of each worker: made once, put back before each case."""

import json
from collections.abc import Callable

import attrs
import pytest

from components.gates import gate_of
from tests.defects.bench import Bench, Finished, Served
from tests.defects.kind import Refusal, Strength
from tests.defects.plants import Splits
from tests.defects.small_data import SIZES
from tests.small_mnist import write_first_records


@pytest.fixture(scope="session")
def kept_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench with good data and the model that a run pushed from it."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    write_first_records(bench.data, SIZES)
    finished = bench.run()
    assert finished.code == 0, finished.screen
    assert len(bench.served().versions) == 1
    bench.keep()
    return bench


@pytest.fixture(scope="session")
def good(kept_bench: Bench) -> Splits:
    """The good data."""
    kept_bench.reset()
    return kept_bench.arrays()


@pytest.fixture
def bench(kept_bench: Bench) -> Bench:
    """The bench as it was kept."""
    kept_bench.reset()
    return kept_bench


@pytest.fixture(scope="session")
def served_before(kept_bench: Bench) -> Served:
    """What is served before a defect is planted."""
    kept_bench.reset()
    return kept_bench.served()


Judge = Callable[..., None]


@pytest.fixture
def assert_refused(bench: Bench, served_before: Served, record_property) -> Judge:
    """Asserts that a gate saw a defect, said why, and served nothing that is bad."""

    def judge(finished: Finished, refusal: Refusal, strength: Strength = "error"):
        record_property("exit_code", finished.code)
        record_property("seconds", finished.seconds)
        for failed in finished.failed():
            assert f"{'✗' if failed.stops else '!'} {failed}" in finished.screen
            assert failed.advice
            assert f"next {failed.advice}" in finished.screen
        assert "Traceback (most recent call last)" not in finished.screen
        check = finished.find(refusal)
        said = json.dumps(attrs.asdict(check))
        record_property("check", json.loads(bench.plain(said)))
        assert (check.passed, check.policy) == (False, strength)
        assert (check.value, check.bound) == (refusal.value, refusal.bound)
        gate = gate_of(refusal.gate)
        if strength == "error":
            assert (finished.code, finished.summary["status"]) == (
                gate.exit_code,
                gate.status,
            )
            assert bench.served() == served_before
        else:
            stopped = [failed for failed in finished.failed() if failed.stops]
            assert finished.code == 0, f"{stopped}\n{finished.screen}"
            assert bench.served().versions[:-1] == served_before.versions

    return judge
