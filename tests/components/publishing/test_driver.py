"""A run says pushed only of a version that exists, is whole and serves."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.publishing.store import ModelStore
from tests.published_runs import Workshop

pytestmark = pytest.mark.slow


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "w")


def newest(store: ModelStore) -> Path:
    return store.path(store.versions()[-1])


def lose_all(store: ModelStore) -> None:
    shutil.rmtree(store.base)


def lose_version(store: ModelStore) -> None:
    shutil.rmtree(newest(store))


def lose_file(store: ModelStore) -> None:
    (newest(store) / "saved_model.pb").unlink()


def change_file(store: ModelStore) -> None:
    (newest(store) / "variables" / "variables.index").write_text("other")


def lose_manifest(store: ModelStore) -> None:
    (newest(store) / "manifest.json").unlink()


def empty(store: ModelStore) -> None:
    shutil.rmtree(newest(store))
    newest_path = store.base / "1"
    newest_path.mkdir()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lose_all, "is gone"),
        (lose_version, "is gone"),
        (empty, "is gone"),
        (lose_file, "is not whole"),
        (change_file, "is not whole"),
        (lose_manifest, "is not whole"),
    ],
)
def test_a_version_that_came_to_harm_is_published_again(
    workshop, harm: Callable[[ModelStore], None], reason: str
):
    first = workshop.run("A").publication
    harm(workshop.store)
    ended = workshop.run("A")

    assert ended.ran == {"Pusher"}
    again = ended.publication
    assert (again.state, again.text) == (
        "published",
        f"Published again, because version {first.version} of this model {reason}.",
    )
    assert again.version == workshop.store.versions()[-1] > first.version
    assert workshop.store.verify(again.version) == {}
    assert workshop.served() == "A"

    once_more = workshop.run("A")
    assert (once_more.ran, once_more.publication.version) == (set(), again.version)
    assert (once_more.publication.state, once_more.publication.text) == ("kept", "")


def test_harm_is_made_good_as_often_as_it_is_done(workshop):
    workshop.run("A")
    versions = set()
    for harm in (lose_all, lose_file, lose_all):
        harm(workshop.store)
        ended = workshop.run("A")
        assert ended.ran == {"Pusher"}
        versions.add(ended.publication.version)
    assert len(versions) == 3


def test_after_a_rollback_nothing_is_published_and_the_words_say_why(workshop):
    old, pushed = (workshop.run(text).publication.version for text in "AB")
    copy = workshop.store.rollback()
    ended = workshop.run("B")

    assert ended.ran == set()
    assert workshop.store.versions() == [old, pushed, copy]
    said = ended.publication
    assert (said.state, said.version, said.rollback_of) == ("rolled_back", copy, old)
    assert said.path == workshop.store.path(copy)
    assert said.text == (
        f"Version {copy} serves on purpose, a copy of version {old} after a rollback, "
        f"so nothing was published. The model of this run was version {pushed}; "
        f"'mnist-pipeline models rollback {pushed}' serves it again."
    )


@pytest.mark.parametrize("runs", ["AB", "ABC", "ABAB", "ABCABC"])
def test_a_rollback_stands_until_something_changes(workshop, runs):
    for text in runs:
        workshop.run(text)
    workshop.store.rollback(workshop.store.versions()[0])
    versions = workshop.store.versions()
    for _ in range(2):
        ended = workshop.run(runs[-1])
        assert (ended.ran, ended.publication.state) == (set(), "rolled_back")
    assert workshop.store.versions() == versions

    ended = workshop.run("new")
    assert (ended.baseline, ended.publication.state) == ("A", "published")
    assert workshop.served() == "new"


def test_a_rollback_to_the_model_of_the_run_is_what_the_run_names(workshop):
    for text in "AB":
        workshop.run(text)
    copy = workshop.store.rollback()
    ended = workshop.run("A")
    assert (ended.ran, ended.publication.state) == (set(), "kept")
    assert ended.publication.version == copy


def test_pruning_after_a_rollback_publishes_nothing(workshop):
    for text in "AB":
        workshop.run(text)
    copy = workshop.store.rollback()
    workshop.store.prune(keep=1)
    ended = workshop.run("B")
    assert (ended.ran, workshop.store.versions()) == (set(), [copy])
    assert ended.publication.text.endswith(
        "'mnist-pipeline run --rebaseline' publishes it anew."
    )


def test_a_rollback_that_came_to_harm_does_not_stand(workshop):
    for text in "AB":
        workshop.run(text)
    workshop.store.rollback()
    change_file(workshop.store)
    assert workshop.run("B").publication.state == "published"
    assert workshop.served() == "B"


def test_pruning_what_does_not_serve_changes_nothing(workshop):
    for text in "AB":
        workshop.run(text)
    [version] = workshop.store.versions()[1:]
    workshop.store.prune(keep=1)
    ended = workshop.run("B")
    assert (ended.ran, ended.publication.version) == (set(), version)


def test_configurations_in_turn_are_each_published_in_turn(workshop):
    for text in "ABABA":
        ended = workshop.run(text)
        assert ended.publication.state == "published"
        assert workshop.served() == text
    assert len(workshop.store.versions()) == 5
    assert workshop.run("A").ran == set()


def test_a_model_that_serves_and_is_judged_anew_says_so(workshop):
    for text in "ABA":
        version = workshop.run(text).publication.version

    same = workshop.run("A", skip=True)
    workshop.code = "c1de"
    ended = workshop.run("A")

    # The same manifest, and another one.
    assert same.ran == {"Evaluator", "Pusher"}
    assert (same.publication.state, same.publication.text) == ("kept", "")
    assert same.publication.version == version
    assert ended.ran == {"Pusher"}
    assert ended.publication.state == "published"
    assert ended.publication.text == (
        f"Published again with what the gates say now: version {version}, which served "
        "before, is the same model."
    )


def test_a_refused_model_is_not_published_again(workshop):
    workshop.run("A")
    workshop.run("B")
    assert workshop.run("A", evaluator=0).publication is None
    assert workshop.served() == "B"


def test_a_push_whose_record_was_lost_is_found(workshop):
    """As after a Pusher that was killed between publishing and writing it down."""
    workshop.run("A")
    metadata = workshop.root / "metadata.sqlite"
    before = metadata.read_bytes()
    workshop.run("B")
    versions = workshop.store.versions()
    metadata.write_bytes(before)
    shutil.rmtree(workshop.artifacts / "Trainer" / "model" / "7", ignore_errors=True)
    ended = workshop.run("B")
    assert workshop.store.versions() == versions
    assert ended.publication.version == versions[-1]
