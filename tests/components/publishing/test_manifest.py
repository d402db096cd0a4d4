"""A manifest is believed only after it was checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import PipelineError
from components.publishing.manifest import differences, read_manifest

DIGEST = "0" * 64
MANIFEST = {
    "version": 7,
    "pipeline": "mnist",
    "run_id": "run-1",
    "time": "2026-01-02T03:04:05Z",
    "digests": {"code": "c0de"},
    "metrics": {"accuracy": 1, "loss": None, "per_class": {}},
    "baseline": None,
    "checks": [],
    "versions": {"python": "3.10.13"},
    "files": {"saved_model.pb": DIGEST},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "7").mkdir()
    return tmp_path / "7"


def write(folder: Path, **changes: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps(MANIFEST | changes))


def test_a_good_one_is_read(folder):
    write(folder)
    manifest = read_manifest(folder)
    assert (manifest.version, manifest.run_id) == (7, "run-1")
    assert manifest.time.isoformat() == "2026-01-02T03:04:05+00:00"
    assert (manifest.metrics.accuracy, manifest.metrics.loss) == (1.0, None)
    assert (manifest.rebaseline, manifest.rollback_of) == (False, None)


@pytest.mark.parametrize("original", [7, 8, 2**40])
def test_a_copy_is_of_an_older_version(folder, original):
    write(folder, rollback_of=6)
    assert read_manifest(folder).rollback_of == 6
    write(folder, rollback_of=original)
    with pytest.raises(
        PipelineError, match=f"rollback_of {original} is not older than 7"
    ):
        read_manifest(folder)


def test_classes_are_read_and_are_digits_in_older_manifests(folder):
    write(folder)
    assert "".join(read_manifest(folder).classes) == "0123456789"
    names = [f"class {label}" for label in range(10)]
    write(folder, classes=names)
    assert list(read_manifest(folder).classes) == names


@pytest.mark.parametrize("names", [["cat", ""], ["cat"] * 10, list("01234567 9")])
def test_classes_that_will_not_do_are_refused(folder, names):
    write(folder, classes=names)
    with pytest.raises(PipelineError, match="Received: classes: expected"):
        read_manifest(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0", '{"version": 7}'])
def test_what_is_no_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(
        PipelineError,
        match=r"^Expected .*7/manifest\.json to hold.*Received: .*Restore",
    ):
        read_manifest(folder)


@pytest.mark.parametrize("key", sorted(MANIFEST))
def test_a_missing_key_is_named(folder, key):
    content = {name: value for name, value in MANIFEST.items() if name != key}
    (folder / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(PipelineError, match=rf"Received: {key}: missing"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "path",
    [
        "../saved_model.pb",
        "variables/../../x",
        "/etc/passwd",
        "./saved_model.pb",
        "variables//x",
        "variables/",
        "..",
        ".",
        "",
        "a\0b",
        "a\x1b[2Jb",
        "manifest.json",
    ],
)
def test_a_path_out_of_the_version_or_odd_is_refused(folder, path):
    write(folder, files={path: DIGEST})
    with pytest.raises(PipelineError, match=r"Received: files\."):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": {}}, "files: empty"),
        ({"files": {"a": "12"}}, r"files\.a: text of another form"),
        ({"files": {"a": None}}, r"files\.a: no text"),
        ({"version": "7"}, "version: no whole number"),
        ({"version": 0}, "version: below 1"),
        ({"time": "yesterday"}, "time: "),
        ({"time": "2026-01-02T03:04:05"}, "time: no time with its zone"),
        ({"run_id": "a\nb"}, "run_id: .*cannot be printed"),
        ({"metrics": {"accuracy": "high"}}, "metrics.accuracy: no number"),
        ({"checks": "all"}, "checks: no list"),
        ({"rollback_of": "6"}, "rollback_of: no whole number"),
        ({"surprise": 1}, "surprise: "),
        ({"version": 8}, "the manifest of version 8"),
    ],
)
def test_a_wrong_value_is_named(folder, changes, message):
    write(folder, **changes)
    with pytest.raises(PipelineError, match=message):
        read_manifest(folder)


def test_no_manifest_is_said_so(folder):
    with pytest.raises(PipelineError, match=r"manifest in .*Received: No such file"):
        read_manifest(folder)


def test_bytes_that_are_no_text_are_refused(folder):
    (folder / "manifest.json").write_bytes(b"\xff\xfe")
    with pytest.raises(PipelineError, match="can't decode byte 0xff"):
        read_manifest(folder)


def test_a_manifest_that_is_no_plain_file_is_refused(folder):
    write(folder)
    (folder / "manifest.json").rename(folder / "other")
    (folder / "manifest.json").symlink_to("other")
    with pytest.raises(PipelineError, match=r"to be a file\. Received: a link"):
        read_manifest(folder)


def test_differences():
    expected = {"same": "1", "gone": "2", "other": "3"}
    received = {"same": "1", "other": "4", "new": "5"}
    assert differences(expected, received) == {
        "gone": "missing",
        "new": "added",
        "other": "changed",
    }
