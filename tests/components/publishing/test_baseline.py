"""The baseline is the model that serves, and never the candidate itself."""

import errno
import json
import logging
import os
import shutil
from pathlib import Path

import pytest

from components.publishing import baseline
from components.publishing.store import ModelStore
from tests.published_runs import Workshop, recipe

pytestmark = pytest.mark.slow

NODES = {"Trainer", "ServingCheck", "Evaluator", "ModelAudit", "Pusher"}
JUDGED = {"Evaluator", "Pusher"}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "w")


def foreign(workshop: Workshop, text: str) -> int:
    """Publishes a model that no run of the workspace made; returns its version."""
    [*_, last] = workshop.store.versions()
    facts = json.loads((workshop.store.path(last) / "manifest.json").read_text())
    for own in ("version", "time", "files", "rollback_of"):
        facts.pop(own)
    export = workshop.root.parent / f"export-{text}"
    (export / "variables").mkdir(parents=True)
    (export / "saved_model.pb").write_bytes(b"graph")
    (export / "variables" / "variables.index").write_text(text)
    return workshop.store.publish(export, {**facts, "run_id": "elsewhere"})


def forget(store: ModelStore) -> None:
    """Makes the manifest of the version that serves unreadable."""
    (store.path(store.versions()[-1]) / "manifest.json").write_text("{")


def spoil(store: ModelStore) -> None:
    (store.path(store.versions()[-1]) / "saved_model.pb").write_bytes(b"other")


def test_the_first_run_has_none_and_the_second_what_serves(workshop):
    first = workshop.run("A")
    assert (first.ran, first.baseline, first.choice.version) == (NODES, None, None)
    assert first.choice.why == "no model: none serves, and the gates blessed none"

    [version] = workshop.store.versions()
    second = workshop.run("B")
    assert (second.baseline, second.choice.version) == ("A", version)
    assert second.choice.why == f"the model that serves, version {version}"


@pytest.mark.parametrize("runs", ["AA", "ABB", "ABAA", "ABABAA", "ABCBB"])
def test_a_run_with_nothing_changed_is_cached_and_keeps_its_baseline(workshop, runs):
    *_, before, last = [workshop.run(text) for text in runs]
    assert last.ran == set()
    assert last.baseline == before.baseline
    assert last.choice.why.endswith("; this one serves already")
    assert last.publication.version == before.publication.version


def test_a_configuration_of_before_is_compared_with_what_serves_now(workshop):
    baselines = [workshop.run(text).baseline for text in "ABAC"]
    assert baselines == [None, "A", "B", "A"]
    assert workshop.served() == "C"


def test_after_a_rollback_it_is_the_older_model(workshop):
    for text in "ABC":
        workshop.run(text)
    first, *_ = workshop.store.versions()
    copy = workshop.store.rollback(first)
    ended = workshop.run("D")
    assert (ended.baseline, ended.choice.version) == ("A", copy)
    assert ended.choice.why == (
        f"the model that serves, version {copy}, a copy of {first}"
    )


def test_a_model_that_serving_check_refused_is_none(workshop):
    workshop.run("A")
    assert workshop.run("B", serving_check=0).publication is None
    assert workshop.run("C").baseline == "A"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([("A", 1, 1), ("B", 1, 1)], "B", id="the last one"),
        pytest.param([("A", 1, 1), ("B", 0, 1)], "A", id="not the Evaluator's refused"),
        pytest.param([("A", 1, 1), ("B", 1, 0)], "A", id="nor ServingCheck's"),
        pytest.param([("A", 1, 0), ("B", 0, 1)], None, id="none where both refused"),
        pytest.param(
            [("A", 1, 1), ("B", 1, 1), ("A", 1, 1)], "A", id="by verdict, not by age"
        ),
    ],
)
def test_where_none_serves_it_is_the_last_that_both_gates_blessed(
    workshop, runs, expected
):
    for run in runs:
        workshop.run(*run)
    shutil.rmtree(workshop.store.base, ignore_errors=True)
    ended = workshop.run("C")
    assert ended.baseline == expected
    if expected:
        assert ended.choice.why.startswith("the last model that the gates blessed, ")
        assert ended.choice.why.endswith(", since none serves")


def test_rebaseline_leaves_it_out_and_says_so(workshop):
    workshop.run("A")
    ended = workshop.run("B", skip=True)
    assert (ended.baseline, ended.choice.why) == (
        None,
        "no model, as --rebaseline asks",
    )


def test_a_version_that_no_run_here_made_is_taken_in(workshop):
    workshop.run("A")
    version = foreign(workshop, "F")
    ended = workshop.run("B")
    assert (ended.baseline, ended.choice.version) == ("F", version)

    foreign(workshop, "G")
    assert workshop.run("A").baseline == "G"
    assert workshop.served() == "A"


@pytest.mark.parametrize(
    ("harm", "words"), [(spoil, "version {} is not whole"), (None, "none serves")]
)
def test_a_run_does_not_say_that_its_model_serves_where_it_does_not(
    workshop, harm, words
):
    workshop.run("A")
    [version] = workshop.store.versions()
    harm(workshop.store) if harm else shutil.rmtree(workshop.store.base)
    ended = workshop.run("A")
    said = f"no model, as when this one was accepted; {words.format(version)}"
    assert ended.choice.why == said


def test_new_metadata_has_the_baseline_that_serves(workshop):
    workshop.run("A")
    workshop.run("B")
    (workshop.root / "metadata.sqlite").unlink()
    workshop.artifacts.rename(workshop.root / "aside")
    ended = workshop.run("C")
    assert (ended.ran, ended.baseline) == (NODES, "B")


def test_a_baseline_whose_artifact_is_gone_is_taken_from_what_serves(workshop, caplog):
    workshop.run("A")
    shutil.rmtree(workshop.artifacts / "Trainer")
    with caplog.at_level(logging.INFO, "components"):
        ended = workshop.run("B")
    [version, _] = workshop.store.versions()
    assert ended.baseline == "A"
    assert f"version {version} is taken from {workshop.store.path(version)}" in (
        caplog.text
    )
    # Once taken in, it is known.
    [taken] = (workshop.artifacts / "ServedModel" / "model").iterdir()
    assert recipe(taken / "Format-Serving") == "A"
    assert workshop.run("B").ran == set()


@pytest.mark.parametrize("harm", [forget, spoil])
def test_a_version_that_is_not_whole_is_known_by_its_artifact(workshop, harm):
    workshop.run("A")
    harm(workshop.store)
    assert workshop.run("B").baseline == "A"


@pytest.mark.parametrize("harm", [forget, spoil])
def test_without_either_it_is_the_one_before_and_the_run_says_so(
    workshop, harm, caplog
):
    workshop.run("A")
    workshop.run("B")
    harm(workshop.store)
    *_, newest = sorted((workshop.artifacts / "Trainer" / "model").iterdir())
    shutil.rmtree(newest)
    ended = workshop.run("C")
    version = workshop.store.versions()[1]
    assert ended.baseline == "A"
    assert ended.choice.why.endswith(f", since version {version} is not whole")
    assert f"version {version} serves, but is not whole" in caplog.text


def test_a_version_that_cannot_be_copied_is_passed_over(workshop, caplog, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    workshop.run("A")
    workshop.run("B")
    *_, newest = sorted((workshop.artifacts / "Trainer" / "model").iterdir())
    shutil.rmtree(newest)
    monkeypatch.setattr(baseline, "import_served", full)
    ended = workshop.run("C")
    assert ended.baseline == "A"
    assert ended.choice.why.endswith(
        "since the version that serves could not be copied"
    )
    assert "could not be copied: [Errno 28] No space left on device" in caplog.text


def test_choices_leave_nothing_new_behind_where_nothing_changed(workshop):
    for text in "ABBBB":
        workshop.run(text)
    choices = workshop.metadata.get_artifacts_by_type("ModelChoice")
    assert len(choices) == 3
    assert len(list((workshop.artifacts / "ModelChoice" / "choice").iterdir())) == 3
