"""A little data, and workspaces to plant faults in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.faulty_runs import Workspace

SIZES = {"train": 2000, "val": 300, "test": 500}


@pytest.fixture(scope="session")
def little_mnist(make_small_mnist: Callable[[dict[str, int]], Path]) -> Path:
    """The first records of each bundled split."""
    return make_small_mnist(SIZES)


@pytest.fixture(scope="module")
def make_workspace(
    little_mnist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Workspace]:
    """Makes a workspace that does not exist yet."""
    return lambda: Workspace(tmp_path_factory.mktemp("faults") / "w", little_mnist)


@pytest.fixture
def workspace(make_workspace: Callable[[], Workspace]) -> Workspace:
    return make_workspace()
