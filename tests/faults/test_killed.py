"""SIGKILL in each node: the next run resumes, and nothing is lost or half there."""

import json
import subprocess
import sys

import pytest

from tests.faults.faulty_runs import Ended, Workspace

pytestmark = pytest.mark.e2e

# In this order they are killed, run by run: once with half a result, once with a
# whole one that TFX does not know of. One moment is enough where a node writes one
# small file in an instant.
KILLS = [
    ("ExampleGen", "killed-writing"),
    ("ExampleGen", "killed-written"),
    ("SchemaGen", "killed-written"),
    ("StatisticsGen", "killed-writing"),
    ("ExampleValidator", "killed-written"),
    ("DataGate", "killed-written"),
    ("Transform", "killed-writing"),
    ("Trainer", "killed-writing"),
    ("Trainer", "killed-written"),
    ("ServingCheck", "killed-written"),
    ("Evaluator", "killed-writing"),
    ("Pusher", "killed-writing"),
    ("Pusher", "killed-written"),
]
SIGKILLED = -9


@pytest.fixture(scope="module")
def workspace(make_workspace) -> Workspace:
    return make_workspace()


@pytest.fixture(scope="module")
def ends(workspace) -> list[tuple[Ended, list[int]]]:
    """Each killed run, and the versions that could be served after it."""
    found = []
    for node, moment in KILLS:
        ended = workspace.run(fault=(moment, node))
        found.append((ended, workspace.store.versions()))
    return found


@pytest.fixture(scope="module")
def last(workspace, ends) -> Ended:
    """The run that nothing stops."""
    return workspace.run("--json")


def order(ended: Ended) -> list[str]:
    return list(ended.nodes())


@pytest.mark.parametrize("index", range(len(KILLS)), ids=[" ".join(k) for k in KILLS])
def test_a_run_is_killed_where_it_should_be(ends, last, index) -> None:
    node, _ = KILLS[index]
    ended, _ = ends[index]
    all_nodes = order(last)

    assert ended.code == SIGKILLED, ended.err
    assert order(ended) == all_nodes[: all_nodes.index(node)]


@pytest.mark.parametrize("index", range(len(KILLS)), ids=[" ".join(k) for k in KILLS])
def test_the_next_run_resumes_where_it_was(ends, last, index) -> None:
    node, _ = KILLS[index]
    following = ends[index + 1][0] if index + 1 < len(ends) else last
    finished = order(ends[index][0])
    states = following.nodes()

    assert {states[name] for name in finished} <= {"cached"}
    # Killed again in the same node, it did not end there either.
    assert states.get(node, "done") == "done"
    assert f"an earlier run was interrupted in {node}" in following.err


def test_the_last_run_finishes_what_was_left(last) -> None:
    assert last.code == 0, last.err
    *finished, pusher = last.nodes().values()
    assert (set(finished), pusher) == ({"cached"}, "done")
    assert json.loads(last.out)["status"] == "pushed"


def test_one_version_is_published_and_it_is_whole(workspace, ends, last) -> None:
    visible = [versions for _, versions in ends]
    assert visible[:-1] == [[]] * (len(ends) - 1)
    [version] = visible[-1]

    assert workspace.store.versions() == [version]
    assert json.loads(last.out)["model"]["version"] == str(version)
    command = [sys.executable, "-m", "pipeline.cli", "models", "verify"]
    verified = subprocess.run(
        [*command, "--workspace", str(workspace.path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout == f"{version}: all files as published\n"


def test_each_node_left_one_result_and_no_half_one(workspace, last) -> None:
    outputs = workspace.outputs()

    # Why a resolver chose a model lies beside what nodes made.
    assert outputs.pop("ModelChoice")
    assert set(outputs) == set(last.nodes())
    assert {node: len(numbers) for node, numbers in outputs.items()} == dict.fromkeys(
        outputs, 1
    )
    assert workspace.temporary() == []


def test_nothing_runs_again_after_that(workspace, last) -> None:
    again = workspace.run()

    assert again.code == 0, again.err
    assert set(again.nodes().values()) == {"cached"}
    assert "interrupted" not in again.err
    assert len(workspace.store.versions()) == 1
