"""Each check of the doctor, when all is well and when it is not."""

import json
import os
import platform
import shutil
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from components.errors import PipelineError
from components.features import SPLITS
from pipeline.commands import doctor as command
from pipeline.environment import doctor, tfx_line
from pipeline.environment.doctor import GB, Finding
from pipeline.environment.tfx_line import LINES, TfxLine

LINE = LINES[0]


def fake_platform(monkeypatch, system, machine, libc=("", "")):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "libc_ver", lambda: libc)


def fake_installed(monkeypatch, versions):
    """Makes importlib.metadata see these versions and no others."""

    def version(name):
        if name not in versions:
            raise doctor.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(tfx_line, "version", version)


def make_data(folder: Path) -> Path:
    for split in SPLITS:
        (folder / split).mkdir(parents=True)
        (folder / split / f"{split}-00000-of-00001.tfrecord.gz").touch()
    return folder


@pytest.mark.parametrize(
    ("system", "machine", "libc", "ok", "detail"),
    [
        ("Linux", "x86_64", ("glibc", "2.36"), True, "Linux x86_64 glibc 2.36"),
        ("Linux", "x86_64", ("glibc", "2.17"), True, "Linux x86_64 glibc 2.17"),
        ("Linux", "x86_64", ("glibc", "2.12"), False, "Linux x86_64 glibc 2.12"),
        ("Linux", "x86_64", ("", ""), False, "Linux x86_64"),
        ("Linux", "aarch64", ("glibc", "2.41"), False, "Linux aarch64 glibc 2.41"),
        ("Darwin", "arm64", ("", ""), True, "Darwin arm64"),
        ("Darwin", "x86_64", ("", ""), False, "Darwin x86_64"),
    ],
)
def test_platform(monkeypatch, system, machine, libc, ok, detail):
    fake_platform(monkeypatch, system, machine, libc)
    found = doctor.check_platform()
    assert (found.ok, found.detail) == (ok, detail)
    assert ("container" in found.fix) is not ok


@pytest.mark.parametrize(
    ("python", "ok"),
    [("3.9.18", False), ("3.10.0", True), ("3.13.7", True), ("3.14.0", False)],
)
def test_python(monkeypatch, python, ok):
    monkeypatch.setattr(platform, "python_version", lambda: python)
    found = doctor.check_python()
    assert found.ok is ok
    assert found.detail.startswith(f"{python}, ")
    assert ("Use Python 3.10 to 3.13." in found.fix) is not ok


@pytest.mark.parametrize(
    ("tfx", "python", "ok"),
    [
        ("1.21.0", "3.12.1", True),
        ("1.16.0", "3.10.13", True),
        ("1.21.0", "3.10.13", False),
    ],
)
def test_line_fits_python(monkeypatch, tfx, python, ok):
    fake_installed(monkeypatch, {"tfx": tfx})
    monkeypatch.setattr(platform, "python_version", lambda: python)
    found = doctor.check_line()
    assert found.ok is ok
    assert found.detail.startswith(f"TFX {tfx}, for Python >=3.1")


@pytest.mark.parametrize(
    ("installed", "received"),
    [({}, "no TFX at all"), ({"tfx": "1.17.0"}, "TFX 1.17.0")],
)
def test_line_that_is_not_supported(monkeypatch, installed, received):
    fake_installed(monkeypatch, installed)
    message = f"Expected TFX 1.21.0 or 1.16.0. Received: {received}."
    with pytest.raises(PipelineError, match=message):
        tfx_line.installed_line()
    for found in (doctor.check_line(), doctor.check_packages()):
        assert not found.ok
        assert message in found.detail
        assert "Remove .venv" in found.fix


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_locks_hold_the_line(line):
    assert line.lock_file.name == f"tfx-{line.name}.txt"
    locked = doctor.read_lock(line.lock_file.read_text())
    assert locked["tfx"] == line.tfx
    assert locked["keras"].startswith("3.")
    assert {"dill", "tensorboard", "pytest", "ruff"} <= locked.keys()


def test_read_lock_keeps_what_the_markers_allow():
    text = (
        "# made by make lock\n"
        "one==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n    # via two\n"
        "two==2.0.post1 ; python_version >= '3' \\\n    --hash=sha256:22\n"
        "three==3.0 ; sys_platform == 'plan9' \\\n    --hash=sha256:33\n"
    )
    assert doctor.read_lock(text) == {"one": "1.0", "two": "2.0.post1"}


def lock_of(monkeypatch, tmp_path, names):
    lock = tmp_path / "tfx.txt"
    lock.write_text("".join(f"{name}==1.0\n" for name in names))
    monkeypatch.setattr(TfxLine, "lock_file", lock)


def test_packages_as_locked(monkeypatch, tmp_path):
    lock_of(monkeypatch, tmp_path, "ab")
    fake_installed(monkeypatch, {"tfx": LINE.tfx, "a": "1.0", "b": "1.0", "c": "5"})
    assert doctor.check_packages() == Finding("packages", True, "2 as in tfx.txt")


def test_packages_that_differ_are_named(monkeypatch, tmp_path):
    lock_of(monkeypatch, tmp_path, "abcdefgh")
    fake_installed(monkeypatch, {"tfx": LINE.tfx, "a": "1.0", "b": "2.0"})
    found = doctor.check_packages()
    assert not found.ok
    assert found.detail == (
        "b 2.0 (lock: 1.0), c missing (lock: 1.0), d missing (lock: 1.0), "
        "e missing (lock: 1.0), f missing (lock: 1.0) and 2 more"
    )
    assert "Remove .venv" in found.fix


def test_packages_without_a_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(TfxLine, "lock_file", tmp_path / "none.txt")
    fake_installed(monkeypatch, {"tfx": LINE.tfx})
    found = doctor.check_packages()
    assert not found.ok
    assert found.detail == f"no lock file {tmp_path / 'none.txt'}"
    assert "checkout" in found.fix


@pytest.mark.parametrize(("free", "ok"), [(5.0, True), (4.9, False)])
def test_disk(monkeypatch, tmp_path, free, ok):
    usage = namedtuple("usage", "free")
    asked = []
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: asked.append(path) or usage(int(free * GB))
    )
    found = doctor.check_disk(tmp_path / "not" / "yet")
    assert (found.ok, found.detail) == (ok, f"{free} GB free, 5 GB needed")
    assert asked == [tmp_path]
    assert ("--workspace" in found.fix) is not ok


@pytest.mark.parametrize(("free", "ok"), [(4.0, True), (1.5, False)])
def test_memory(monkeypatch, free, ok):
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(int(free * GB)))
    monkeypatch.setattr(doctor, "free_memory", lambda: int(free * GB))
    found = doctor.check_memory()
    assert (found.ok, found.detail) == (ok, f"{free} GB free, 4 GB needed")
    assert ("more memory" in found.fix) is not ok


def test_memory_of_a_container(monkeypatch):
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(64 * GB))
    monkeypatch.setattr(doctor, "free_memory", lambda: 2 * GB)
    found = doctor.check_memory()
    assert not found.ok
    assert found.detail == (
        "2.0 GB free, 4 GB needed; the machine has 64.0 GB free, this container may "
        "use less"
    )


@pytest.mark.parametrize(("count", "ok"), [(2.0, True), (1.0, True), (0.5, False)])
def test_processors(monkeypatch, count, ok):
    monkeypatch.setattr(doctor, "processors", lambda: count)
    found = doctor.check_processors()
    assert (found.ok, found.detail) == (ok, f"{count:g} for this process, 1 needed")
    assert ("whole processor" in found.fix) is not ok


def test_data_ok(tmp_path):
    found = doctor.check_data(make_data(tmp_path / "data"))
    assert found.ok
    assert found.detail == f"{tmp_path / 'data'}, files: train 1, val 1, test 1"


@pytest.mark.parametrize("split", SPLITS)
def test_data_without_a_split(tmp_path, split):
    data = make_data(tmp_path / "data")
    shutil.rmtree(data / split)
    found = doctor.check_data(data)
    assert not found.ok
    assert found.detail == f"no *.tfrecord.gz files in {data / split}"
    assert "data convert" in found.fix


def test_data_that_cannot_be_read(monkeypatch, tmp_path):
    data = make_data(tmp_path / "data")
    monkeypatch.setattr(os, "access", lambda path, mode: "val" not in Path(path).name)
    found = doctor.check_data(data)
    file = data / "val" / "val-00000-of-00001.tfrecord.gz"
    assert not found.ok
    assert found.detail == f"cannot read {file}"
    assert found.fix == f"chmod +r {file}"


def test_workspace_that_exists(tmp_path):
    found = doctor.check_workspace(tmp_path)
    assert (found.ok, found.detail) == (True, f"{tmp_path}, writable")


def test_workspace_that_can_be_made_is_not_made(tmp_path):
    workspace = tmp_path / "a" / "b"
    found = doctor.check_workspace(workspace)
    assert (found.ok, found.detail) == (
        True,
        f"{workspace}, will be made in {tmp_path}",
    )
    assert list(tmp_path.iterdir()) == []


def test_workspace_that_is_not_writable(monkeypatch, tmp_path):
    def mkdtemp(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)
    found = doctor.check_workspace(tmp_path / "a")
    detail = f"cannot write to {tmp_path} (Permission denied)"
    assert (found.ok, found.detail) == (False, detail)
    assert f"see that {tmp_path} is writable" in found.fix


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no /proc")
def test_workspace_where_even_root_cannot_write():
    found = doctor.check_workspace(Path("/proc/x"))
    assert not found.ok
    assert found.detail.startswith("cannot write to /proc (")


def test_workspace_that_is_a_file(tmp_path):
    file = tmp_path / "file"
    file.touch()
    found = doctor.check_workspace(file / "workspace")
    assert (found.ok, found.detail) == (False, f"{file} is a file")
    assert "--workspace" in found.fix


def test_diagnose_reports_every_check(tmp_path):
    names = [found.name for found in doctor.diagnose(tmp_path, tmp_path)]
    assert names == [
        "platform", "python", "tfx", "packages",
        "disk", "memory", "processors", "data", "workspace",
    ]  # fmt: skip


@pytest.fixture
def findings(monkeypatch):
    """The list that the command will be given, to be filled by the test."""
    given = []
    monkeypatch.setattr(command, "diagnose", lambda data, workspace: given)
    return given


def test_command_when_all_is_well(findings):
    findings.append(Finding("memory", True, "9 GB free"))
    result = CliRunner().invoke(command.doctor)
    assert result.exit_code == 0
    assert "memory  ok  9 GB free" in result.output
    assert "Ready: 'mnist-pipeline run'." in result.output


def test_command_prints_the_fix_and_fails(findings):
    findings.append(Finding("memory", True, "9 GB free"))
    findings.append(Finding("disk", False, "1 GB free [of 2]", "Free some space."))
    result = CliRunner().invoke(command.doctor)
    assert result.exit_code == 1
    assert "disk    wrong  1 GB free [of 2]" in result.output
    assert "Fix disk: Free some space." in result.output
    assert "Ready" not in result.output


def test_command_prints_json(findings):
    findings.append(Finding("disk", False, "1 GB free", "Free some space."))
    result = CliRunner().invoke(command.doctor, ["--json"])
    assert result.exit_code == 1
    assert json.loads(result.output) == [
        {
            "name": "disk",
            "ok": False,
            "detail": "1 GB free",
            "fix": "Free some space.",
        }
    ]


def test_command_passes_the_folders_on(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(
        command, "diagnose", lambda *folders: seen.append(folders) or []
    )
    options = ["--data", str(tmp_path / "d"), "--workspace", str(tmp_path / "w")]
    assert CliRunner().invoke(command.doctor, options).exit_code == 0
    assert seen == [(tmp_path / "d", tmp_path / "w")]
