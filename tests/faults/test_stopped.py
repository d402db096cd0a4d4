"""SIGTERM, SIGHUP and Ctrl-C, again and again: a report, and the next run goes on."""

import json

import psutil
import pytest

from tests.faults.faulty_runs import Workspace

pytestmark = pytest.mark.e2e

STOPS = [
    ("SIGHUP", "ExampleGen", "the end of its terminal, SIGHUP"),
    ("SIGTERM", "Trainer", "a request to end, SIGTERM"),
    ("SIGINT", "Evaluator", "an interrupt, Ctrl-C"),
]


@pytest.fixture(scope="module")
def workspace(make_workspace) -> Workspace:
    return make_workspace()


def children() -> list[str]:
    """The probes of ServingCheck that anyone has left."""
    return [
        " ".join(words)
        for process in psutil.process_iter(["cmdline"])
        if "components.serving.probe" in (words := process.info["cmdline"] or [])
        and process.ppid() == 1
    ]


def test_a_stopped_run_ends_with_its_report(workspace) -> None:
    orphans = children()
    for name, node, meaning in STOPS:
        ended = workspace.run(fault=(name, node))
        assert ended.code == 1, ended.err
        assert ended.nodes()[node] == "failed"
        assert f"Expected {node} to end. Received: {meaning}. Run again" in ended.err
        assert "Traceback" not in ended.err
        latest = workspace.path / "reports" / "latest"
        summary = json.loads((latest / "summary.json").read_text(encoding="utf-8"))
        assert summary["status"] == "failed"
        assert (latest / "index.html").is_file()
        assert workspace.store.versions() == []
    assert children() == orphans

    last = workspace.run()
    assert last.code == 0, last.err
    assert last.nodes()["Trainer"] == "cached"
    assert last.nodes()["Pusher"] == "done"
    assert workspace.temporary() == []
