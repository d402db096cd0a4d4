"""What follows a row that was added to the table of gates; see ``row``."""

import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest
from click.testing import CliRunner
from tfx.types import Channel
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing

from components.checks import Check, GateError, write_checks
from components.classes import DIGITS
from components.gates import EXIT_CODES
from components.publishing.pusher import Pusher
from components.publishing.store import ModelStore
from pipeline.cluster import node as cluster_node
from pipeline.commands.run import run
from pipeline.config import Config
from pipeline.history import cleaning
from pipeline.local_runner import NodeResult
from pipeline.metadata.lineage import RunArtifact
from pipeline.node_runner import cli
from pipeline.reporting.page import make_page
from pipeline.reporting.text import print_summary, terminal
from pipeline.run.outcome import read_all_checks, status
from tests.components.publishing.test_pusher import artifact, push
from tests.pipeline.reporting.conftest import lineage, make_summary, run_files
from tests.pipeline.run.test_outcome import FakeLineage
from tests.published_runs import Workshop

__all__ = ["lineage", "make_summary", "run_files"]
LOUD = Check("noise", "accuracy", "loud", 0.5, 0.9, False, advice="Augment more.")
BLESSED = {"blessed": 1}
DONE = [NodeResult("NoiseGate", "done"), NodeResult("Pusher", "done")]


@pytest.fixture
def refused(tmp_path: Path) -> FakeLineage:
    """A run whose model the made-up gate alone refused."""
    served, noise = tmp_path / "served", tmp_path / "noise"
    for folder, checks in ((served, []), (noise, [LOUD])):
        folder.mkdir()
        write_checks(folder, checks)
    return FakeLineage(
        {
            "Evaluator.blessing": RunArtifact("/nowhere", BLESSED),
            "ModelAudit.blessing": RunArtifact(str(served), BLESSED),
            "ServingCheck.blessing": RunArtifact(str(served), BLESSED),
            "NoiseGate.blessing": RunArtifact(str(noise), {"blessed": 0}),
        }
    )


def test_the_run_ends_with_its_status_and_its_exit_code(refused) -> None:
    assert status(DONE, refused) == "noise_rejected"
    assert EXIT_CODES["noise_rejected"] == GateError([LOUD]).exit_code == 6

    raised = [NodeResult("Trainer", "failed", error=GateError([LOUD]))]
    assert status(raised, FakeLineage({})) == "noise_rejected"


def test_its_checks_are_read(refused) -> None:
    checks = read_all_checks(Config(), DONE, refused, None, DIGITS)

    assert checks == [LOUD]


def test_a_node_on_a_cluster_returns_its_code(refused) -> None:
    node = SimpleNamespace(id="NoiseGate", config=Config())

    assert cluster_node._refusal(node, refused) == ("noise_rejected", [LOUD])


def test_help_names_its_exit_code() -> None:
    for command in (run, cli):
        text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
        assert "5 serving check rejected, 6 noise check rejected, 1 any" in text


def test_the_text_says_how_the_run_ended(make_summary) -> None:
    stream = io.StringIO()
    content = make_summary(status="noise_rejected", checks=[attrs.asdict(LOUD)])
    print_summary(terminal(stream), content)

    assert "noise gate: accuracy, loud: 0.5, bound 0.9" in stream.getvalue()
    assert "noise check rejected, 12.5 s" in stream.getvalue()


def test_the_page_has_its_headline_and_its_checks(make_summary, lineage) -> None:
    content = make_summary(status="noise_rejected", checks=[attrs.asdict(LOUD)])
    html = make_page(content, lineage).html

    assert ">Not pushed: noise changes the answers</h2>" in html
    assert "<h3>Noise gate: 0 of 1 passed</h3>" in html


@pytest.mark.parametrize("blessed", [1, 0])
def test_the_pusher_asks_for_its_blessing_and_keeps_its_checks(
    tmp_path: Path, blessed: int
) -> None:
    (tmp_path / "model" / "Format-Serving").mkdir(parents=True)
    (tmp_path / "model" / "Format-Serving" / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "noise").mkdir()
    write_checks(tmp_path / "noise", [LOUD])
    inputs = {
        "model": artifact(Model, tmp_path / "model"),
        "model_blessing": artifact(ModelBlessing, tmp_path, blessed=1),
        "infra_blessing": artifact(InfraBlessing, tmp_path, blessed=1),
        "noise_blessing": artifact(InfraBlessing, tmp_path / "noise", blessed=blessed),
    }
    store = ModelStore(tmp_path / "serving" / "mnist")

    assert push(store, inputs)["pushed"] == len(store.versions()) == blessed
    if blessed:
        content = json.loads((tmp_path / "pushed" / "manifest.json").read_text())
        assert [check["gate"] for check in content["checks"]] == ["noise"]


def test_the_pusher_can_be_wired_to_it() -> None:
    made = Pusher(
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        noise_blessing=Channel(type=InfraBlessing),
        destination="/serving/mnist",
        provenance={},
    )
    assert set(made.inputs) == {"model", "model_blessing", "noise_blessing"}


def test_a_model_that_it_did_not_bless_is_no_baseline(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "w")
    workshop.run("A")
    shutil.rmtree(workshop.store.base)

    assert workshop.run("B").choice.why == (
        "no model: none serves, and the gates blessed none"
    )


def test_what_it_left_behind_a_published_version_is_kept() -> None:
    assert "NoiseGate" in cleaning._PUBLISHING
