"""A little data, and workspaces to plant faults in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from faulty_runs import Workspace

from components.features import SPLITS
from pipeline.config import PROJECT_ROOT
from pipeline.datasets.shards import read_batches, write_shard

SIZES = {"train": 2000, "val": 300, "test": 500}


@pytest.fixture(scope="session")
def little_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first records of each bundled split."""
    folder = tmp_path_factory.mktemp("little_mnist")
    for split in SPLITS:
        source = min((PROJECT_ROOT / "data" / "mnist" / split).glob("*.tfrecord.gz"))
        (folder / split).mkdir()
        records = next(read_batches(source, SIZES[split]))
        write_shard(folder / split / f"{split}.tfrecord.gz", records)
    return folder


@pytest.fixture(scope="module")
def make_workspace(
    little_mnist: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Workspace]:
    """Makes a workspace that does not exist yet."""
    return lambda: Workspace(tmp_path_factory.mktemp("faults") / "w", little_mnist)


@pytest.fixture
def workspace(make_workspace: Callable[[], Workspace]) -> Workspace:
    return make_workspace()
