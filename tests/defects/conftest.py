"""The bench of each worker: made once, put back before each case."""

from collections.abc import Callable

import pytest

from tests.defects.bench import EXIT_CODES, Bench, Finished, Refusal, Served
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


Judge = Callable[[Finished, Refusal], None]


@pytest.fixture
def assert_refused(bench: Bench, served_before: Served, record_property) -> Judge:
    """Asserts that a gate refused, said why, and that nothing else was served."""

    def judge(finished: Finished, refusal: Refusal) -> None:
        record_property("exit_code", finished.code)
        record_property("seconds", finished.seconds)
        assert finished.code == EXIT_CODES[refusal.gate], finished.screen
        assert finished.summary["status"] == f"{refusal.gate}_rejected"
        found = {(c.gate, c.name, c.slice): c for c in finished.failed()}
        check = found[refusal.gate, refusal.name, refusal.slice]
        assert check.value == refusal.value
        assert check.bound == refusal.bound
        for failed in found.values():
            assert f"✗ {failed}" in finished.screen
            assert failed.advice
            assert f"next {failed.advice}" in finished.screen
        assert "Traceback (most recent call last)" not in finished.screen
        assert bench.served() == served_before
        record_property("gate", check.gate)
        record_property("message", bench.plain(f"{check}\n{check.advice}"))

    return judge
