"""A moved workspace is known again; another's metadata is refused."""

import contextlib
import shlex
import shutil
import sqlite3
from pathlib import Path

import attrs
import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.errors import PipelineError
from pipeline.config import Config, load_config
from pipeline.history.runs import RunHistory
from pipeline.metadata.file import check_metadata
from pipeline.workspace import identity as workspace_identity
from pipeline.workspace.identity import IDENTITY_FILE, settle_workspace


@attrs.frozen
class Workspace:
    """A workspace with a run in it, as an older release left it."""

    path: Path

    @property
    def config(self) -> Config:
        return load_config(workspace=self.path)

    @property
    def store(self) -> MetadataStore:
        connection = mlmd.ConnectionConfig()
        connection.sqlite.filename_uri = str(self.config.metadata)
        connection.sqlite.connection_mode = 3
        return MetadataStore(connection)

    @property
    def identity(self) -> str:
        return (self.config.artifacts / IDENTITY_FILE).read_text().strip()

    def settle(self) -> list[str]:
        check_metadata(self.config.metadata)
        return settle_workspace(self.config)

    def uris(self) -> list[str]:
        return sorted(artifact.uri for artifact in self.store.get_artifacts())

    def expected(self) -> list[str]:
        nodes = ("ExampleGen/examples/1", "Trainer/model/2")
        return [f"{self.path}/artifacts/{node}" for node in nodes]

    def moved(self, target: Path) -> "Workspace":
        self.path.rename(target)
        return Workspace(target)

    def copied(self, target: Path) -> "Workspace":
        shutil.copytree(self.path, target, symlinks=True)
        return Workspace(target)

    def without_identity(self) -> "Workspace":
        """Makes it one of an older release again."""
        (self.config.artifacts / IDENTITY_FILE).unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(self.config.metadata)) as connection:
            connection.execute("DROP TABLE IF EXISTS MnistWorkspace")
            connection.commit()
        return self


def make(path: Path, run_id: str = "run-1") -> Workspace:
    workspace = Workspace(path)
    report = workspace.config.reports / run_id
    report.mkdir(parents=True)
    (report / "summary.json").write_text("{}")
    store = workspace.store
    run_type = store.put_context_type(mlmd.ContextType(name="pipeline_run"))
    store.put_contexts([mlmd.Context(type_id=run_type, name=run_id)])
    kind = store.put_artifact_type(mlmd.ArtifactType(name="any"))
    for uri in workspace.expected():
        Path(uri).mkdir(parents=True)
        artifact = mlmd.Artifact(type_id=kind, uri=uri, state=mlmd.Artifact.LIVE)
        pushed = artifact.custom_properties["pushed_destination"]
        pushed.string_value = f"{path}/serving/mnist/17"
        artifact.custom_properties["data"].string_value = "/data"
        store.put_artifacts([artifact])
    kind = store.put_execution_type(mlmd.ExecutionType(name="any"))
    execution = mlmd.Execution(type_id=kind)
    execution.custom_properties["destination"].string_value = f"{path}/serving/mnist"
    execution.custom_properties["text"].string_value = f"see {path}/serving/mnist"
    store.put_executions([execution])
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make(tmp_path / "old [1] #%é'")


def test_a_workspace_gets_an_identity_once(workspace: Workspace) -> None:
    assert workspace.settle() == []
    first = workspace.identity
    assert len(first) == 32
    assert workspace.settle() == []
    assert workspace.identity == first
    assert workspace.uris() == workspace.expected()


@pytest.mark.parametrize("known", [True, False])
def test_a_moved_workspace_has_its_paths_put_right(workspace, tmp_path, known) -> None:
    if known:
        workspace.settle()
    before = {
        a.id: a.last_update_time_since_epoch for a in workspace.store.get_artifacts()
    }
    moved = workspace.moved(tmp_path / "new")

    assert moved.settle() == [
        f"this workspace was moved from {workspace.path}; its metadata names this "
        "place now"
    ]
    assert moved.uris() == moved.expected()
    for artifact in moved.store.get_artifacts():
        pushed = artifact.custom_properties["pushed_destination"].string_value
        assert pushed == f"{moved.path}/serving/mnist/17"
        assert artifact.custom_properties["data"].string_value == "/data"
        # Caches and the history of runs go by it.
        assert artifact.last_update_time_since_epoch == before[artifact.id]
    [execution] = moved.store.get_executions()
    told = execution.custom_properties
    assert told["destination"].string_value == f"{moved.path}/serving/mnist"
    assert told["text"].string_value == f"see {workspace.path}/serving/mnist"
    assert moved.settle() == []


@pytest.mark.parametrize("known", [True, False])
def test_another_at_the_old_path_is_left_alone(workspace, tmp_path, known) -> None:
    if known:
        workspace.settle()
    moved = workspace.moved(tmp_path / "aside")
    other = make(workspace.path, "run-of-the-other")
    other.settle()

    assert len(moved.settle()) == 1
    assert moved.uris() == moved.expected()
    assert other.uris() == other.expected()
    assert other.settle() == []
    assert moved.identity != other.identity


def test_a_copy_and_its_original_go_on_each_by_itself(workspace, tmp_path) -> None:
    workspace.settle()
    before = workspace.config.metadata.read_bytes()
    copy = workspace.copied(tmp_path / "copy")

    assert copy.settle() == [
        f"this workspace is a copy of {workspace.path} and goes on by itself from here"
    ]
    assert copy.uris() == copy.expected()
    assert copy.identity != workspace.identity
    assert copy.settle() == []
    assert workspace.settle() == []
    assert workspace.config.metadata.read_bytes() == before


def test_a_link_to_the_workspace_is_no_move(workspace, tmp_path) -> None:
    workspace.settle()
    (tmp_path / "link").symlink_to(workspace.path)
    linked = Workspace(tmp_path / "link")

    assert linked.settle() == []
    assert linked.uris() == linked.expected()
    assert linked.identity == workspace.identity
    (tmp_path / "link").unlink()
    assert workspace.settle() != []
    assert workspace.uris() == workspace.expected()


@pytest.mark.parametrize("known", [True, False])
def test_metadata_of_another_workspace_is_refused(workspace, tmp_path, known) -> None:
    other = make(tmp_path / "other", "run-of-the-other")
    for one in (workspace, other):
        one.settle()
        if not known:
            one.without_identity()
    shutil.copy(other.config.metadata, workspace.config.metadata)
    before = workspace.config.metadata.read_bytes()

    with pytest.raises(PipelineError) as caught:
        workspace.settle()
    assert "Received: that of " in str(caught.value)
    assert f"mv {shlex.quote(str(workspace.config.metadata))} " in str(caught.value)
    assert workspace.config.metadata.read_bytes() == before


def test_metadata_of_a_copy_that_went_on_is_refused(workspace, tmp_path) -> None:
    workspace.settle()
    copy = workspace.copied(tmp_path / "copy")
    copy.settle()
    shutil.copy(copy.config.metadata, workspace.config.metadata)

    with pytest.raises(PipelineError, match="of another workspace than the artifacts"):
        workspace.settle()


@pytest.mark.parametrize("known", [True, False])
def test_metadata_that_was_copied_alone_is_refused(workspace, tmp_path, known) -> None:
    if known:
        workspace.settle()
    alone = Workspace(tmp_path / "alone")
    alone.path.mkdir()
    shutil.copy(workspace.config.metadata, alone.config.metadata)

    with pytest.raises(PipelineError, match="none of whose artifacts are here"):
        alone.settle()
    assert not alone.config.artifacts.exists()


def test_a_workspace_may_lose_its_artifacts_and_move(workspace, tmp_path) -> None:
    workspace.settle()
    shutil.rmtree(workspace.config.artifacts)
    assert workspace.settle() == []
    shutil.rmtree(workspace.config.artifacts)
    moved = workspace.moved(tmp_path / "new")

    assert len(moved.settle()) == 1
    assert moved.uris() == moved.expected()


def test_a_lost_identity_file_is_made_again(workspace, tmp_path) -> None:
    workspace.settle()
    identity = workspace.identity
    (workspace.config.artifacts / IDENTITY_FILE).unlink()
    moved = workspace.moved(tmp_path / "new")
    moved.settle()

    assert moved.identity == identity


def test_a_kill_while_an_identity_changes_does_no_harm(workspace, tmp_path) -> None:
    workspace.settle()
    copy = workspace.copied(tmp_path / "copy")
    (copy.config.artifacts / IDENTITY_FILE).write_text(
        f"{workspace.identity}\n{'0' * 32}\n"
    )
    copy.settle()

    assert copy.uris() == copy.expected()
    assert copy.identity != workspace.identity


def test_metadata_that_another_program_holds_is_an_error(
    workspace, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = workspace.moved(tmp_path / "new")
    connect = sqlite3.connect
    with contextlib.closing(connect(moved.config.metadata)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, timeout=0))
        with pytest.raises(PipelineError, match=r"Received: database is locked\."):
            settle_workspace(moved.config)
    monkeypatch.undo()
    assert len(moved.settle()) == 1


def test_artifacts_that_cannot_be_written_are_an_error(workspace, monkeypatch) -> None:
    def refuse(*args) -> None:
        raise PermissionError(13, "Permission denied", "artifacts")

    monkeypatch.setattr(workspace_identity, "replace_text", refuse)
    with pytest.raises(PipelineError, match="Permission denied"):
        workspace.settle()


def test_nothing_is_done_before_there_is_metadata(tmp_path: Path) -> None:
    fresh = Workspace(tmp_path / "fresh")
    assert settle_workspace(fresh.config) == []
    fresh.path.mkdir()
    fresh.config.metadata.touch()
    assert settle_workspace(fresh.config) == []
    assert [path.name for path in fresh.path.iterdir()] == ["metadata.sqlite"]


def test_the_history_of_a_moved_workspace_is_read_where_it_lies(
    workspace, tmp_path
) -> None:
    store = workspace.store
    node = store.put_context_type(mlmd.ContextType(name="node"))
    store.put_contexts([mlmd.Context(type_id=node, name="mnist.Trainer")])
    context = store.get_context_by_type_and_name("node", "mnist.Trainer")
    run = store.get_context_by_type_and_name("pipeline_run", "run-1")
    [execution] = store.get_executions()
    model = next(a for a in store.get_artifacts() if "/model/" in a.uri)
    event = mlmd.Event(type=mlmd.Event.OUTPUT, artifact_id=model.id)
    event.path.steps.add(key="model")
    store.put_execution(execution, [(model, event)], [context, run])
    moved = workspace.moved(tmp_path / "new")
    before = moved.config.metadata.read_bytes()

    run = RunHistory(moved.config).run("run-1")
    assert (
        run.output("Trainer", "model").uri == f"{moved.path}/artifacts/Trainer/model/2"
    )
    assert moved.config.metadata.read_bytes() == before
