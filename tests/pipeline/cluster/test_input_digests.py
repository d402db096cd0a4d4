"""Digests on a cluster: of an input once a run, of code in each container."""

import shutil
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from pipeline import digests as module
from pipeline.cluster import input_digests
from pipeline.cluster.container import attempts_of
from pipeline.cluster.input_digests import run_digests, task_digests
from pipeline.config import Config, load_config
from pipeline.definition import NODE_CODE
from pipeline.digests import Digests, read_digests
from pipeline.run.node_attempts import NodeAttempt


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Data of three files, whose content nobody parses here."""
    for split in ("train", "val", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        (tmp_path / "data" / split / "a.tfrecord.gz").write_bytes(split.encode())
    return load_config(data=tmp_path / "data", workspace=tmp_path / "w")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The inputs that were read."""
    inputs = []

    def read_input(config: Config, name: str) -> dict:
        inputs.append(name)
        return module.read_input(config, name)

    monkeypatch.setattr(input_digests, "read_input", read_input)
    return inputs


def task(config: Config, node: str, run_id: str = "run-1") -> Digests:
    """The digests of a task, whose node ends well."""
    attempts = attempts_of(config, run_id)
    found = task_digests(config, node, attempts)
    attempts.write(NodeAttempt(node, "done"))
    return found


def change_data(config: Config) -> None:
    (config.data / "val" / "a.tfrecord.gz").write_bytes(b"other")


def test_each_input_is_read_once_a_run(config: Config, read: list[str]) -> None:
    found = {node: task(config, node) for node in NODE_CODE}
    reported = run_digests(config, attempts_of(config, "run-1"))

    assert sorted(read) == ["data", "schema"]
    whole = read_digests(config, NODE_CODE)
    assert found["Pusher"] == reported == whole
    assert {node: one.nodes[node] for node, one in found.items()} == whole.nodes


def test_a_resolver_that_waits_for_nothing_reads_nothing(
    config: Config, read: list[str]
) -> None:
    task(config, "WarmStartResolver")

    assert read == []


def test_the_manifest_names_the_data_that_was_copied(config: Config) -> None:
    copied = task(config, "ExampleGen")
    task(config, "SchemaGen")
    change_data(config)

    assert task(config, "Pusher").data == copied.data
    # Another attempt of a node that ended copies nothing.
    assert task(config, "ExampleGen").data == copied.data


def test_data_that_changed_before_it_was_copied_has_a_key_of_its_own(
    config: Config,
) -> None:
    attempts = attempts_of(config, "run-1")
    before = task_digests(config, "ExampleGen", attempts)
    attempts.write(NodeAttempt("ExampleGen", "failed", code=1))
    change_data(config)
    after = task_digests(config, "ExampleGen", attempts)

    assert before.nodes["ExampleGen"] != after.nodes["ExampleGen"]
    assert after.data == task(config, "Pusher").data


def test_another_run_reads_the_data_again(config: Config, read: list[str]) -> None:
    before = task(config, "ExampleGen")
    change_data(config)
    after = task(config, "ExampleGen", "run-2")

    assert read == ["data", "data"]
    assert before.data != after.data


def test_a_task_of_another_image_has_the_keys_of_its_own_code(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = task(config, "ExampleGen")
    tree = tmp_path / "tree"
    shutil.copytree(PROJECT_ROOT / "components", tree / "components")
    with (tree / "components" / "training" / "trainer.py").open("a") as file:
        file.write("MORE = 1\n")
    monkeypatch.setattr(module, "PROJECT_ROOT", tree)
    after = task(config, "Trainer")

    assert before.nodes["Trainer"] != after.nodes["Trainer"]
    assert before.code != after.code
    assert before.data == after.data
