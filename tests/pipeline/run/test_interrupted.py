"""What killed runs left is cleared; what finished ones made stays."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata

from components.errors import PipelineError
from pipeline.cluster.container import attempts_of
from pipeline.config import Config, load_config
from pipeline.run.interrupted import clear_interrupted
from pipeline.run.node_attempts import NodeAttempt
from pipeline.workspace.identity import settle_workspace

pytestmark = pytest.mark.slow

RUNNING = mlmd.Execution.RUNNING
COMPLETE = mlmd.Execution.COMPLETE
FAILED = mlmd.Execution.FAILED


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(workspace=tmp_path / "w")


def opened(config: Config) -> metadata.Metadata:
    connection = metadata.sqlite_metadata_connection_config(str(config.metadata))
    return metadata.Metadata(connection)


def record(config: Config, *executions: tuple[str, int]) -> list[int]:
    """Puts executions (node, state) into the store, with a file each."""
    config.workspace.mkdir(exist_ok=True)
    with opened(config) as handle:
        store = handle.store
        node_type = store.put_context_type(mlmd.ContextType(name="node"))
        kind = store.put_execution_type(mlmd.ExecutionType(name="any"))
        ids = []
        for node, state in executions:
            context = mlmd.Context(type_id=node_type, name=f"mnist.{node}")
            execution = mlmd.Execution(type_id=kind, last_known_state=state)
            number, _, _ = store.put_execution(
                execution, [], [context], reuse_context_if_already_exist=True
            )
            ids.append(number)
            for folder in outputs(config, node, number):
                folder.mkdir(parents=True)
                (folder / "file").touch()
    return ids


def outputs(config: Config, node: str, number: int) -> list[Path]:
    root = config.artifacts / node
    return [
        root / "model" / str(number),
        root / "model_run" / str(number),
        root / ".system" / "executor_execution" / str(number),
    ]


def states(config: Config) -> list[int]:
    with opened(config) as handle:
        executions = handle.store.get_executions()
    return [e.last_known_state for e in sorted(executions, key=lambda e: e.id)]


def test_half_results_go_and_whole_ones_stay(config: Config) -> None:
    ids = record(config, ("Trainer", COMPLETE), ("Trainer", RUNNING), ("Eval", FAILED))

    assert clear_interrupted(config, "run-2") == [
        "an earlier run was interrupted in Trainer; what it left is cleared"
    ]
    assert states(config) == [COMPLETE, FAILED, FAILED]
    there = [
        [folder.exists() for folder in outputs(config, node, number)]
        for node, number in zip(("Trainer", "Trainer", "Eval"), ids, strict=True)
    ]
    assert there == [[True] * 3, [False] * 3, [True] * 3]


def test_a_second_time_there_is_nothing_to_clear(config: Config) -> None:
    record(config, ("Trainer", RUNNING), ("Pusher", RUNNING))

    assert len(clear_interrupted(config, "run-2")) == 2
    assert clear_interrupted(config, "run-3") == []


def test_a_kill_before_the_first_file_leaves_nothing_to_remove(config: Config) -> None:
    [number] = record(config, ("Trainer", RUNNING))
    for folder in outputs(config, "Trainer", number):
        (folder / "file").unlink()
        folder.rmdir()

    assert len(clear_interrupted(config, "run-2")) == 1
    assert states(config) == [FAILED]


def test_temporary_files_go(config: Config) -> None:
    record(config, ("Trainer", COMPLETE))
    working = config.artifacts / "Trainer" / ".system" / "stateful_working_dir"
    (working / "1b4e28ba" / "deep").mkdir(parents=True)
    report = config.reports / "run-1"
    report.mkdir(parents=True)
    (report / "summary.json").touch()
    (report / ".index.html.part").touch()
    (config.reports / ".latest-run-1").symlink_to("run-1")
    (config.reports / "latest").symlink_to("run-1")

    assert clear_interrupted(config, "run-2") == []
    assert list(working.iterdir()) == []
    assert [path.name for path in report.iterdir()] == ["summary.json"]
    assert {path.name for path in config.reports.iterdir()} == {"run-1", "latest"}


def test_a_fresh_workspace_has_nothing_to_clear(config: Config) -> None:
    config.workspace.mkdir()

    assert clear_interrupted(config, "run-1") == []


def test_artifacts_without_metadata_are_set_aside(config: Config) -> None:
    [number] = record(config, ("Trainer", COMPLETE))
    config.metadata.unlink()
    aside = config.workspace / "artifacts-before-run-2"

    assert clear_interrupted(config, "run-2") == [
        f"the metadata is new; artifacts of earlier runs are now in {aside}"
    ]
    assert not config.artifacts.exists()
    assert (aside / "Trainer" / "model" / str(number) / "file").exists()


def test_a_run_that_failed_before_its_first_node_leaves_nothing_to_set_aside(
    config: Config,
) -> None:
    record(config)
    assert settle_workspace(config) == []

    assert clear_interrupted(config, "run-2") == []
    assert [path.name for path in config.artifacts.iterdir()] == [".workspace-id"]


@pytest.mark.parametrize("schema", [9, 99])
def test_metadata_of_another_version_is_refused(config: Config, schema: int) -> None:
    record(config, ("Trainer", COMPLETE))
    with contextlib.closing(sqlite3.connect(config.metadata)) as connection:
        connection.execute(f"UPDATE MLMDEnv SET schema_version = {schema}")
        connection.commit()

    with pytest.raises(PipelineError, match=rf"version {schema} is .*\n  mv /"):
        clear_interrupted(config, "run-2")


def test_nothing_outside_the_artifacts_is_removed(config: Config) -> None:
    outside = config.workspace / "elsewhere"
    [number] = record(config, ("../elsewhere", RUNNING))
    kept = outside / "model" / str(number) / "file"
    assert kept.exists()

    with pytest.raises(PipelineError, match=r"'\.\./elsewhere' is no name of a node"):
        clear_interrupted(config, "run-2")
    assert kept.exists()


def test_artifacts_of_runs_in_containers_are_left_alone(config: Config) -> None:
    [number] = record(config, ("Trainer", COMPLETE))
    config.metadata.unlink()
    attempts = attempts_of(config, "run-1")
    attempts.write(NodeAttempt("Trainer", "running"))
    working = (
        config.artifacts / "Trainer" / ".system" / "stateful_working_dir" / "run-1"
    )
    working.mkdir(parents=True)

    with pytest.raises(PipelineError, match=r"runs in containers in .*runs"):
        clear_interrupted(config, "run-2")

    assert (config.artifacts / "Trainer" / "model" / str(number) / "file").exists()
    assert working.is_dir()
