"""The folder of versions: whole or absent, ever rising, and never simply believed."""

import errno
import json
import multiprocessing
import os
import secrets
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from filelock import FileLock

from components import durable
from components.errors import PipelineError, UsageError
from components.publishing import store as model_store
from components.publishing.store import ModelStore

pytestmark = pytest.mark.slow

NOW = 1_800_000_000
FACTS = {
    "pipeline": "mnist",
    "run_id": "run-1",
    "digests": {"code": "c0de", "data": "da7a", "schema": "5c"},
    "metrics": {"accuracy": 0.99, "loss": 0.03, "per_class": {"0": 0.98, "1": None}},
    "baseline": None,
    "checks": [
        {"gate": "model", "name": "accuracy", "slice": "overall", "passed": True}
    ],
    "versions": {"python": "3.10.13", "tfx": "1.16.0", "tensorflow": "2.16.2"},
    "rebaseline": False,
    "classes": [str(digit) for digit in range(10)],
}
FILES = {
    "saved_model.pb": b"graph",
    "fingerprint.pb": b"",
    "variables/variables.data-00000-of-00001": bytes(range(256)) * 1000,
    "assets.extra/tf_serving_warmup_requests": b"request",
}
SHA256_OF_GRAPH = "eef93e1d14482804277fca0172464032d1a4fdbcc338524059fa1e861454ad4d"
ROOT = Path(__file__).resolve().parents[2]
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """An export as the Trainer leaves it, with an empty ``assets`` folder."""
    folder = tmp_path / "export"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "assets").mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "serving" / "mnist")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The store reads the time from its only item."""
    now = [NOW + 0.25]
    monkeypatch.setattr(model_store.time, "time", lambda: now[0])
    return now


def publish_anew(store: ModelStore, source: Path) -> int:
    """Publishes a version, though the newest one may be of the same model."""
    digests = {**FACTS["digests"], "code": secrets.token_hex(8)}
    return store.publish(source, {**FACTS, "digests": digests})


def hidden(store: ModelStore) -> set[str]:
    return {p.name for p in store.base.iterdir() if p.name.startswith(".")}


def unfit(folder: Path) -> str | None:
    """Says what a model server would miss in a version, or None."""
    try:
        files = json.loads((folder / "manifest.json").read_text())["files"]
        for name, digest in files.items():
            if durable.sha256(folder / name) != digest:
                return f"{name} differs"
    except (OSError, ValueError) as error:
        return str(error)
    return None if set(files) == set(FILES) else f"only {sorted(files)}"


def test_publish_copies_every_file_and_says_what_it_is(store, source, clock):
    before = datetime.now(timezone.utc).replace(microsecond=0)
    assert store.publish(source, FACTS) == NOW
    folder = store.base / str(NOW)
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert (folder / "assets").is_dir()
    content = json.loads((folder / "manifest.json").read_text())
    assert content.pop("time").endswith("Z")
    assert before <= store.manifest(NOW).time <= datetime.now(timezone.utc)
    assert content.pop("files").keys() == FILES.keys()
    assert content == {
        **FACTS,
        "version": NOW,
        "rollback_of": None,
        "commit": None,
        "meaning_change": None,
    }
    assert store.manifest(NOW).files["saved_model.pb"] == SHA256_OF_GRAPH
    assert store.verify(NOW) == {}
    assert hidden(store) <= {".lock", ".last-version"}


def test_a_server_of_another_user_can_read_it(store, source):
    mask = os.umask(0o022)
    try:
        folder = store.path(store.publish(source, FACTS))
    finally:
        os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "saved_model.pb").stat().st_mode & 0o777 == 0o644


def test_a_manifest_in_the_source_is_not_taken_over(store, source):
    (source / "manifest.json").write_text("{}")
    assert store.manifest(store.publish(source, FACTS)).run_id == "run-1"


def test_versions_rise_within_a_second(store, source, clock):
    assert [publish_anew(store, source) for _ in range(3)] == [NOW, NOW + 1, NOW + 2]


def test_versions_rise_when_the_clock_is_set_back(store, source, clock):
    publish_anew(store, source)
    clock[0] -= 86_400
    assert publish_anew(store, source) == NOW + 1
    clock[0] += 2 * 86_400
    assert publish_anew(store, source) == NOW + 86_400


def test_versions_rise_past_one_that_is_gone(store, source, clock):
    publish_anew(store, source)
    newest = publish_anew(store, source)
    shutil.rmtree(store.path(newest))
    assert publish_anew(store, source) == newest + 1


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_versions_rise_past_what_others_put_there(store, source, clock, make):
    store.base.mkdir(parents=True)
    make(store.base / str(NOW + 5))
    assert publish_anew(store, source) == NOW + 6


def test_a_damaged_last_version_is_refused(store, source):
    publish_anew(store, source)
    (store.base / ".last-version").write_text("12x")
    with pytest.raises(PipelineError, match=r"highest version.*'12x'.*Write that"):
        publish_anew(store, source)


def test_no_version_is_beyond_what_a_server_reads(store, source):
    (store.base / str(2**63 - 1)).mkdir(parents=True)
    with pytest.raises(PipelineError, match=r"room above .* 9223372036854775807"):
        publish_anew(store, source)


def publish_often(base: Path, source: Path, times: int) -> None:
    for _ in range(times):
        publish_anew(ModelStore(base), source)


def test_concurrent_publishers_get_distinct_whole_versions(store, source):
    publishers = [
        SPAWN.Process(target=publish_often, args=(store.base, source, 5))
        for _ in range(4)
    ]
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    assert [publisher.exitcode for publisher in publishers] == [0] * 4
    assert len(store.versions()) == 20
    assert [unfit(store.path(version)) for version in store.versions()] == [None] * 20


def test_a_reader_never_sees_half_a_version(store, source):
    publisher = SPAWN.Process(target=publish_often, args=(store.base, source, 40))
    publisher.start()
    seen: dict[str, str | None] = {}
    polls = 0
    while publisher.is_alive():
        for folder in store.base.glob("[0-9]*"):
            if folder.name not in seen:
                seen[folder.name] = unfit(folder)
        polls += 1
    publisher.join()
    assert publisher.exitcode == 0
    assert polls > 40
    assert len(seen) >= 39
    assert set(seen.values()) == {None}


def test_the_reader_would_notice_half_a_version(store, source):
    folder = store.path(publish_anew(store, source))
    (folder / "fingerprint.pb").unlink()
    assert "fingerprint.pb" in unfit(folder)
    shutil.copytree(source, store.base / "5")
    assert "manifest.json" in unfit(store.base / "5")


def count_syncs(store: ModelStore, source: Path, at: int, then) -> None:
    """Publishes; at the given call of ``os.fsync``, counted from 0, does something."""
    calls = 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        if calls == at:
            then()
        calls += 1

    durable.os.fsync = fsync
    store.publish(source, FACTS)


def publish_and_die(base: Path, source: Path, at: int) -> None:
    count_syncs(
        ModelStore(base), source, at, lambda: os.kill(os.getpid(), signal.SIGKILL)
    )


# Four files, the manifest, three folders in the new one and itself, .last-version.
SYNCS_BEFORE_VISIBLE = 10


@pytest.mark.parametrize("at", range(SYNCS_BEFORE_VISIBLE))
def test_a_killed_push_leaves_no_version(store, source, clock, at):
    first = publish_anew(store, source)
    process = SPAWN.Process(target=publish_and_die, args=(store.base, source, at))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert store.versions() == [first]
    assert any(name.startswith(".incoming-") for name in hidden(store))
    second = publish_anew(store, source)
    assert store.versions() == [first, second]
    assert unfit(store.path(second)) is None
    assert hidden(store) <= {".lock", ".last-version"}


def test_a_push_killed_once_it_is_visible_is_whole(store, source):
    args = (store.base, source, SYNCS_BEFORE_VISIBLE)
    process = SPAWN.Process(target=publish_and_die, args=args)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    [version] = store.versions()
    assert unfit(store.path(version)) is None


def test_what_is_published_already_is_found(store, source):
    args = (store.base, source, SYNCS_BEFORE_VISIBLE)
    process = SPAWN.Process(target=publish_and_die, args=args)
    process.start()
    process.join()
    [version] = store.versions()

    later = {**FACTS, "run_id": "run-2", "commit": "c0ffee"}
    assert store.publish(source, later) == version
    assert store.versions() == [version]
    assert store.manifest(version).run_id == "run-1"


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": None},
        {"digests": {"code": "c0de", "data": "da7a", "schema": "other"}},
        {"checks": []},
        {"rebaseline": True},
    ],
)
def test_the_same_model_with_other_facts_is_published(store, source, change):
    first = store.publish(source, FACTS)
    second = store.publish(source, {**FACTS, **change})

    assert store.versions() == [first, second]


def test_another_model_with_the_same_facts_is_published(store, source):
    first = store.publish(source, FACTS)
    (source / "saved_model.pb").write_bytes(b"another graph")
    second = store.publish(source, FACTS)

    assert store.versions() == [first, second]
    assert (store.path(second) / "saved_model.pb").read_bytes() == b"another graph"


@pytest.mark.parametrize("damaged", ["saved_model.pb", "manifest.json"])
def test_a_damaged_version_is_not_found(store, source, damaged):
    first = store.publish(source, FACTS)
    (store.path(first) / damaged).write_bytes(b"damage")
    second = store.publish(source, FACTS)

    assert store.versions() == [first, second]
    assert store.verify(second) == {}


def test_only_the_version_that_serves_is_found(store, source):
    first = store.publish(source, FACTS)
    second = store.publish(source, {**FACTS, "metrics": None})
    third = store.publish(source, FACTS)

    assert store.versions() == [first, second, third]


def test_a_rollback_is_not_found_for_its_original(store, source):
    first = store.publish(source, FACTS)
    second = store.publish(source, {**FACTS, "metrics": None})
    copy = store.rollback(first)
    again = store.publish(source, FACTS)

    assert store.versions() == [first, second, copy, again]


@pytest.mark.parametrize("at", range(SYNCS_BEFORE_VISIBLE))
def test_a_full_disk_leaves_the_served_version(store, source, monkeypatch, at):
    first = publish_anew(store, source)

    def fail() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", os.fsync)
    with pytest.raises(PipelineError, match=r"No space left.*Free room.*prune"):
        count_syncs(store, source, at, fail)
    assert store.versions() == [first]
    assert store.verify(first) == {}
    assert hidden(store) <= {".lock", ".last-version", ".incoming-last-version"}


FILL_A_SMALL_DISK = """
import sys
from pathlib import Path
from components.errors import PipelineError
from components.publishing.store import ModelStore
from test_store import publish_anew
source, store = Path(sys.argv[1]), ModelStore(sys.argv[2])
first = publish_anew(store, source)
data = source / "variables" / "more"
data.write_bytes(bytes(2_000_000))
try:
    publish_anew(store, source)
except PipelineError as error:
    print(error)
assert store.versions() == [first] and store.verify(first) == {}
data.unlink()
second = publish_anew(store, source)
assert store.versions() == [first, second] and store.verify(second) == {}
"""


def test_a_small_disk_that_fills(store, source):
    store.base.mkdir(parents=True)
    mount = 'mount -t tmpfs -o size=1m tmpfs "$0" || exit 77; exec "$@"'
    unshare = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount]
    python = [sys.executable, "-c", FILL_A_SMALL_DISK, str(source), str(store.base)]
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here to mount a small file system with")
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run(
        [*unshare, str(store.base), *python],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or done.stderr.startswith("unshare:"):
        pytest.skip(f"may not mount a small file system here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in done.stdout
    assert "The version that serves is untouched. Free room" in done.stdout


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: (s / "saved_model.pb").unlink(), "with saved_model.pb"),
        (lambda s: (s / "link").symlink_to("saved_model.pb"), "'link', a link"),
        (lambda s: (s / "link").symlink_to("assets"), "'link', a link"),
        (lambda s: os.mkfifo(s / "pipe"), "'pipe', a link or no file"),
        (shutil.rmtree, "No such file or directory"),
    ],
)
def test_only_a_saved_model_of_plain_files_is_published(store, source, spoil, message):
    spoil(source)
    with pytest.raises(PipelineError, match=message):
        publish_anew(store, source)
    assert store.versions() == []


def test_facts_that_no_manifest_can_hold_are_not_published(store, source):
    with pytest.raises(PipelineError, match=r"facts about the model.*run_id"):
        store.publish(source, {**FACTS, "run_id": None})
    assert store.versions() == []
    assert hidden(store) == {".lock"}


def test_who_waits_too_long_is_told_why(store, source):
    store.base.mkdir(parents=True)
    hasty = ModelStore(store.base, lock_seconds=0.1)
    with (
        FileLock(store.base / ".lock"),
        pytest.raises(PipelineError, match=r"alone within 0\.1 s.*another process"),
    ):
        publish_anew(hasty, source)


def test_verify_names_what_is_missing_changed_and_added(store, source):
    version = publish_anew(store, source)
    folder = store.path(version)
    (folder / "fingerprint.pb").unlink()
    (folder / "saved_model.pb").write_bytes(b"grapf")
    (folder / "variables" / "extra").write_bytes(b"")
    assert store.verify(version) == {
        "fingerprint.pb": "missing",
        "saved_model.pb": "changed",
        "variables/extra": "added",
    }


LITTER = (".DS_Store", "variables/._variables.index", "__MACOSX/a", "Thumbs.db")


def add_litter(folder: Path) -> None:
    for name in LITTER:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"litter")


def test_litter_changes_no_version(store, source):
    version = store.publish(source, FACTS)
    add_litter(store.path(version))

    assert store.verify(version) == {}
    assert store.publish(source, FACTS) == version
    (store.path(version) / "variables" / "real").touch()
    assert store.verify(version) == {"variables/real": "added"}


def test_litter_is_neither_published_nor_rolled_back_to(store, source):
    add_litter(source)
    first = publish_anew(store, source)
    add_litter(store.path(first))
    publish_anew(store, source)

    for version in (first, store.rollback(first)):
        assert set(store.manifest(version).files) == set(FILES)
        assert store.verify(version) == {}
    assert not (store.path(version) / "__MACOSX").exists()


def test_verify_takes_no_link_for_a_file(store, source):
    version = publish_anew(store, source)
    folder = store.path(version)
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pb").symlink_to(source / "saved_model.pb")
    shutil.rmtree(folder / "variables")
    (folder / "variables").symlink_to(source / "variables")
    assert store.verify(version) == {
        "saved_model.pb": "changed",
        "variables": "added",
        "variables/variables.data-00000-of-00001": "missing",
    }


def test_only_numbered_folders_are_versions(store, source):
    version = publish_anew(store, source)
    for name in (
        "007",
        "+7",
        "7a",
        "-7",
        "\N{ARABIC-INDIC DIGIT SEVEN}",
        "99999999999999999999",
    ):
        (store.base / name).mkdir()
    (store.base / "8").touch()
    (store.base / "9").symlink_to(store.path(version))
    assert store.versions() == [version]
    with pytest.raises(UsageError, match=rf"Received: 8\. Versions there: {version}"):
        store.manifest(8)


def test_an_absent_store_has_no_versions(store):
    assert store.versions() == []
    assert store.prune(1) == []
    with pytest.raises(UsageError, match="Versions there: none"):
        store.verify(1)
    with pytest.raises(UsageError, match=r"older.*Received: none"):
        store.rollback()
    assert not store.base.exists()


def test_rollback_publishes_a_copy_of_the_one_before(store, source):
    first = publish_anew(store, source)
    (source / "saved_model.pb").write_bytes(b"worse")
    second = store.publish(source, {**FACTS, "run_id": "run-2"})
    third = store.rollback()
    assert store.versions() == [first, second, third]
    assert (store.path(third) / "saved_model.pb").read_bytes() == b"graph"
    manifest = store.manifest(third)
    assert (manifest.run_id, manifest.rollback_of) == ("run-1", first)
    assert manifest.metrics == store.manifest(first).metrics
    assert store.verify(third) == {}
    fourth = store.rollback(second)
    assert store.manifest(fourth).run_id == "run-2"


def test_rollback_refuses_what_serves_or_is_not_there(store, source):
    publish_anew(store, source)
    newest = publish_anew(store, source)
    with pytest.raises(UsageError, match=f"older than the one.*Received: {newest}"):
        store.rollback(newest)
    with pytest.raises(UsageError, match="Received: 5"):
        store.rollback(5)
    assert store.versions()[-1] == newest


def test_rollback_refuses_a_changed_version(store, source):
    first = publish_anew(store, source)
    second = publish_anew(store, source)
    (store.path(first) / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(PipelineError, match=r"as published.*'saved_model\.pb' changed"):
        store.rollback(first)
    assert store.versions() == [first, second]
    (store.path(first) / "saved_model.pb").unlink()
    with pytest.raises(PipelineError, match=r"as published.*'saved_model\.pb' missing"):
        store.rollback(first)
    assert store.versions() == [first, second]


def test_rollback_notices_a_change_while_it_copies(store, source, monkeypatch):
    first = publish_anew(store, source)
    second = publish_anew(store, source)
    (store.path(first) / "saved_model.pb").write_bytes(b"other")
    monkeypatch.setattr(model_store, "compare", lambda folder, manifest: {})
    with pytest.raises(PipelineError, match=r"'saved_model\.pb' changed"):
        store.rollback(first)
    assert store.versions() == [first, second]
    assert hidden(store) <= {".lock", ".last-version"}


def test_prune_keeps_the_newest_and_what_is_no_version(store, source):
    versions = [publish_anew(store, source) for _ in range(4)]
    (store.base / "12").mkdir()
    (store.base / "notes").mkdir()
    (store.base / str(versions[-1] + 9)).mkdir()
    assert store.prunable(2) == versions[:2]
    assert store.prune(2) == versions[:2]
    assert store.prune(1) == [versions[2]]
    assert store.prune(1) == []
    assert store.versions() == [12, versions[3], versions[3] + 9]
    assert (store.base / "notes").is_dir()
    assert publish_anew(store, source) > versions[3] + 9


def test_prune_keeps_at_least_one(store, source):
    publish_anew(store, source)
    with pytest.raises(UsageError, match=r"at least 1 version.*Received: 0"):
        store.prune(0)
    assert len(store.versions()) == 1


def test_what_a_killed_prune_hid_is_removed_by_the_next_change(
    store, source, monkeypatch
):
    versions = [publish_anew(store, source) for _ in range(2)]

    def fail(path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(model_store.shutil, "rmtree", fail)
        with pytest.raises(PipelineError, match=r"remove versions.*Input/output error"):
            store.prune(1)
    assert store.versions() == versions[1:]
    assert f".removed-{versions[0]}" in hidden(store)
    publish_anew(store, source)
    assert hidden(store) <= {".lock", ".last-version"}
