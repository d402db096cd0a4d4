"""``mnist-pipeline`` as a process: it starts light and says what is wrong."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from components.checkout import PROJECT_ROOT
from components.errors import PipelineError, UsageError
from pipeline import cli

pytestmark = pytest.mark.slow

HEAVY = ("tensorflow", "tfx", "apache_beam", "keras", "numpy", "ml_metadata")


def call(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def mnist_pipeline(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return call("-m", "pipeline.cli", *args, cwd=cwd)


def test_help_lists_every_command(tmp_path: Path) -> None:
    done = mnist_pipeline("--help", cwd=tmp_path)

    assert done.returncode == 0
    listed = {
        line.split()[0] for line in done.stdout.split("Commands:")[1].splitlines()[1:]
    }
    assert listed == set(cli.cli.commands)
    assert {"run", "report", "data", "doctor", "settings"} <= listed
    assert done.stderr == ""


@pytest.mark.parametrize("args", [["--help"], ["run", "--help"], ["data", "-h"]])
def test_help_imports_nothing_heavy(args: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pipeline.cli import cli\n"
        f"cli({args!r}, standalone_mode=False)\n"
        f"print('heavy:', *sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = call("-c", code, cwd=tmp_path)

    assert done.stdout.startswith("Usage: ")
    assert done.stdout.splitlines()[-1].strip() == "heavy:", done.stdout


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["run", "--nosuch"], "No such option"),
        (["run", "extra"], "unexpected extra argument"),
        (
            ["run", "--preset", "fast"],
            "Error: Expected --preset to be one of quick, default, accurate, record. "
            "Received: fast.",
        ),
        (
            ["run", "--set", "train.epoch=3"],
            "Error: Unknown configuration key train.epoch. Allowed here: "
            "train.optimizer,",
        ),
        (
            ["run", "--set", "train.epochs"],
            "Error: Expected --set KEY=VALUE",
        ),
        (
            ["run", "--config", "none.toml"],
            "Error: Expected --config to name a readable TOML file.",
        ),
        (
            ["run", "--data", "nowhere"],
            "Error: Expected --data to name a folder.",
        ),
        (
            ["run", "--schema", "none.pbtxt"],
            "Error: Expected a schema file.",
        ),
        (
            ["run", "--schema", str(PROJECT_ROOT / "README.md")],
            "to hold a schema in protobuf's text format. Received: ",
        ),
        (
            ["run", "--schema", str(next(PROJECT_ROOT.glob("data/mnist/*/*.gz")))],
            "to hold a schema in protobuf's text format. Received: ",
        ),
        (
            ["run", "--schema", os.devnull.replace("null", "fd/0")],
            "Error: Expected a schema file.",
        ),
        (
            ["run", "--config", str(PROJECT_ROOT / "schema" / "schema.pbtxt")],
            "to be TOML, like 'train.epochs = 12'. Received: ",
        ),
        (
            ["run", "--config", str(next(PROJECT_ROOT.glob("data/mnist/*/*.gz")))],
            "to be TOML, like 'train.epochs = 12'. Received: ",
        ),
        (
            ["run", "--data", str(PROJECT_ROOT / "schema")],
            "Error: Expected --data to hold train, val, test, each with *.tfrecord.gz "
            "in it. Received: ",
        ),
    ],
)
def test_wrong_usage_exits_with_2_and_one_message(
    args: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mnist-pipeline", *args])

    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert expected in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    done = mnist_pipeline("run", "--data", "nowhere", cwd=tmp_path)

    assert done.returncode == 2
    assert f"Received: {tmp_path / 'nowhere'}, which is none." in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("error", "code"), [(PipelineError, 1), (UsageError, 2)])
def test_an_error_becomes_its_message_and_exit_code(
    error: type[PipelineError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error("Expected this. Received: that.")

    monkeypatch.setattr(cli, "cli", fail)

    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == code
    assert capsys.readouterr().err == "Error: Expected this. Received: that.\n"


def test_no_line_of_help_is_cut() -> None:
    def lines(group: click.Group, width: int) -> Iterator[str]:
        context = click.Context(group, terminal_width=width)
        yield from group.get_help(context).splitlines()
        for command in group.commands.values():
            if isinstance(command, click.Group):
                yield from lines(command, width)

    said = [line for width in (60, 80, 120) for line in lines(cli.cli, width)]
    cut = [line for line in said if line.endswith("...") and "Usage" not in line]
    assert (len(said) > 100, cut) == (True, [])


def test_version_names_what_a_bug_report_needs(capsys, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mnist-pipeline", "--version"])
    with pytest.raises(SystemExit) as caught:
        cli.main()

    assert not caught.value.code
    installed = {name: version(name) for name in ("tfx", "tensorflow", "keras")}
    assert capsys.readouterr().out == (
        f"mnist-tfx-pipeline {version('mnist-tfx-pipeline')}, "
        f"python {platform.python_version()}, tfx {installed['tfx']}, "
        f"tensorflow {installed['tensorflow']}, keras {installed['keras']}\n"
    )


def test_any_other_exception_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "cli", fail)

    with pytest.raises(ZeroDivisionError):
        cli.main()
