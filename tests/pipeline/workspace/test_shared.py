"""A database that containers share belongs to one workspace a pipeline."""

import shutil
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.errors import PipelineError
from pipeline.config import Config, load_config
from pipeline.workspace import shared as shared_workspace
from pipeline.workspace.identity import known_ids
from pipeline.workspace.shared import claim_workspace


@pytest.fixture
def store() -> MetadataStore:
    return MetadataStore(mlmd.ConnectionConfig(fake_database={}))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(workspace=tmp_path / "volume")


def test_the_first_run_ties_them_and_later_ones_go_on(config, store) -> None:
    claim_workspace(config, store)
    [first] = known_ids(config.artifacts)
    claim_workspace(config, store)
    assert known_ids(config.artifacts) == [first]


def test_another_workspace_is_refused(config, store, tmp_path) -> None:
    claim_workspace(config, store)
    other = load_config(workspace=tmp_path / "other")
    claim_workspace(other, MetadataStore(mlmd.ConnectionConfig(fake_database={})))

    with pytest.raises(PipelineError, match=r"that of the metadata was at .*/volume\."):
        claim_workspace(other, store)


def test_an_empty_one_elsewhere_is_refused(config, store, tmp_path) -> None:
    claim_workspace(config, store)
    empty = load_config(workspace=tmp_path / "empty")

    with pytest.raises(PipelineError, match="Mount it there"):
        claim_workspace(empty, store)
    assert not empty.workspace.exists()


def test_a_workspace_that_is_mounted_elsewhere_is_refused(
    config, store, tmp_path
) -> None:
    claim_workspace(config, store)
    shutil.copytree(config.workspace, tmp_path / "mount")

    with pytest.raises(PipelineError, match=f"Received: {tmp_path}/mount. Mount it"):
        claim_workspace(load_config(workspace=tmp_path / "mount"), store)


def test_another_name_of_its_place_will_do(config, store, tmp_path) -> None:
    claim_workspace(config, store)
    [first] = known_ids(config.artifacts)
    (tmp_path / "link").symlink_to(config.workspace)
    claim_workspace(load_config(workspace=tmp_path / "link"), store)
    assert known_ids(tmp_path / "link" / "artifacts") == [first]


def test_another_pipeline_may_be_elsewhere(config, store, tmp_path) -> None:
    other = load_config(workspace=tmp_path / "o", pipeline="digits")
    claim_workspace(config, store)
    claim_workspace(other, store)
    [first], [second] = known_ids(config.artifacts), known_ids(other.artifacts)
    claim_workspace(load_config(workspace=config.workspace, pipeline="third"), store)
    claim_workspace(config, store)

    assert known_ids(config.artifacts) == [first]
    assert known_ids(other.artifacts) == [second]
    assert first != second
    names = {context.name for context in store.get_contexts()}
    assert names == {config.pipeline, "digits", "third"}


def test_where_two_start_at_once_the_database_decides(
    config, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_workspace(config, store)
    [first] = known_ids(config.artifacts)
    shutil.rmtree(config.artifacts)
    answers = [None, shared_workspace._read(config, store)]
    monkeypatch.setattr(shared_workspace, "_read", lambda *_: answers.pop(0))
    claim_workspace(config, store)

    assert known_ids(config.artifacts) == [first]
