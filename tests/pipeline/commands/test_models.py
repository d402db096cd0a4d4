"""``mnist-pipeline models`` as a person calls it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.errors import PipelineError, UsageError
from components.publishing.store import ModelStore
from pipeline.commands.models import models

FACTS = {
    "pipeline": "mnist",
    "digests": {"code": "c0de"},
    "metrics": {"accuracy": 0.9876, "loss": 0.03, "per_class": {}},
    "baseline": None,
    "checks": [],
    "versions": {"python": "3.10.13"},
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def versions(workspace: Path, tmp_path: Path) -> list[int]:
    """Three published versions, of runs ``run-0`` to ``run-2``."""
    source = tmp_path / "export"
    source.mkdir()
    numbers = []
    for index in range(3):
        (source / "saved_model.pb").write_bytes(bytes([index]) * 1_500_000)
        facts = {**FACTS, "run_id": f"run-{index}"}
        numbers.append(store(workspace).publish(source, facts))
    return numbers


def store(workspace: Path) -> ModelStore:
    return ModelStore(workspace / "serving" / "mnist")


def call(workspace: Path, *arguments: object) -> Result:
    given = [str(a) for a in arguments]
    return CliRunner().invoke(models, [*given, "--workspace", str(workspace)])


def rows(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.output.splitlines()]


@pytest.mark.parametrize("command", [[], ["list"]])
def test_list_has_a_row_for_each_version(workspace, versions, command):
    header, *listed = rows(call(workspace, *command))
    assert header[:5] == ["version", "time,", "UTC", "run", "accuracy"]
    assert [[row[0], *row[3:]] for row in listed] == [
        [str(versions[0]), "run-0", "98.76", "%", "1.5", "yes"],
        [str(versions[1]), "run-1", "98.76", "%", "1.5", "yes"],
        [str(versions[2]), "run-2", "98.76", "%", "1.5", "yes", "yes"],
    ]


def test_list_shows_a_rollback_and_damage(workspace, versions):
    store(workspace).rollback(versions[0])
    (store(workspace).path(versions[1]) / "saved_model.pb").unlink()
    lines = rows(call(workspace))
    assert lines[2][5:] == ["%", "0.0", "no"]
    assert lines[4][5:] == ["%", "1.5", "yes", "yes", str(versions[0])]
    assert lines[5] == [f"{versions[1]}:", "'saved_model.pb'", "missing"]


@pytest.mark.parametrize("command", [["--json"], ["list", "--json"]])
def test_list_as_json(workspace, versions, command):
    shutil.rmtree(store(workspace).path(versions[0]))
    (store(workspace).path(versions[1]) / "manifest.json").unlink()
    content = json.loads(call(workspace, *command).stdout)
    assert content["path"] == str(workspace / "serving" / "mnist")
    bad, good = content["versions"]
    problem = bad.pop("problem")
    assert "Received: No such file or directory" in problem
    assert bad == {
        "version": versions[1],
        "time": None,
        "run_id": None,
        "accuracy": None,
        "bytes": 1_500_000,
        "serving": False,
        "verified": False,
        "rollback_of": None,
    }
    assert good.pop("bytes") > 1_500_000
    assert good.pop("time").endswith("+00:00")
    assert good == {
        "version": versions[2],
        "run_id": "run-2",
        "accuracy": 0.9876,
        "serving": True,
        "verified": True,
        "rollback_of": None,
        "problem": None,
    }


def test_list_without_versions(workspace):
    result = call(workspace)
    assert result.exit_code == 0
    assert result.output == (
        f"No version in {workspace}/serving/mnist; 'mnist-pipeline run' pushes one.\n"
    )
    assert json.loads(call(workspace, "--json").stdout)["versions"] == []
    assert not workspace.exists()


def test_a_model_that_was_not_evaluated_is_listed(workspace, versions, tmp_path):
    facts = {**FACTS, "run_id": "r", "metrics": None}
    store(workspace).publish(tmp_path / "export", facts)
    assert rows(call(workspace))[4][3:5] == ["r", "none"]


def test_verify_takes_all_versions_or_those_named(workspace, versions):
    result = call(workspace, "verify")
    assert result.exit_code == 0
    assert result.output == "".join(f"{v}: all files as published\n" for v in versions)
    result = call(workspace, "verify", versions[1])
    assert result.output == f"{versions[1]}: all files as published\n"


def test_verify_names_each_file_that_differs(workspace, versions):
    (store(workspace).path(versions[0]) / "saved_model.pb").unlink()
    (store(workspace).path(versions[0]) / "new").touch()
    (store(workspace).path(versions[1]) / "saved_model.pb").write_bytes(b"other")
    result = call(workspace, "verify")
    assert isinstance(result.exception, PipelineError)
    assert result.exception.exit_code == 1
    first, second = str(result.exception).splitlines()
    assert "Received: 'new' added, 'saved_model.pb' missing." in first
    assert f"{versions[1]} to be as published" in second
    assert "Received: 'saved_model.pb' changed." in second
    assert result.stdout == f"{versions[2]}: all files as published\n"


def test_verify_advises_only_what_is_possible(workspace, versions):
    served = store(workspace).path(versions[-1]) / "saved_model.pb"
    served.unlink()
    way_back = f"'mnist-pipeline models rollback {versions[1]}'"
    assert way_back in str(call(workspace, "verify").exception)

    (store(workspace).path(versions[1]) / "saved_model.pb").unlink()
    *_, first, last = str(call(workspace, "verify").exception).splitlines()
    assert f"leave it so: version {versions[2]} serves." in first
    assert f"'mnist-pipeline models rollback {versions[0]}'" in last

    call(workspace, "prune", "--keep", 1)
    [only] = str(call(workspace, "verify").exception).splitlines()
    assert "rollback" not in only
    assert "'mnist-pipeline run' again, which publishes anew." in only


def test_path_prints_the_folder_alone(workspace, versions):
    for arguments, version in (((), versions[-1]), (versions[:1], versions[0])):
        result = call(workspace, "path", *arguments)
        assert result.exit_code == 0
        assert result.output == f"{store(workspace).path(version)}\n"
        assert Path(result.output.rstrip("\n")).is_absolute()


def test_path_of_what_cannot_be_believed_is_refused(workspace, versions):
    (store(workspace).path(versions[-1]) / "manifest.json").unlink()
    result = call(workspace, "path")
    assert isinstance(result.exception, PipelineError)
    assert result.stdout == ""


def test_verify_refuses_a_manifest_that_reaches_outside(workspace, versions):
    file = store(workspace).path(versions[0]) / "manifest.json"
    content = json.loads(file.read_text())
    content["files"]["../../../secret"] = "0" * 64
    file.write_text(json.dumps(content))
    result = call(workspace, "verify", versions[0])
    assert isinstance(result.exception, PipelineError)
    assert "is not a plain path inside the version" in str(result.exception)


@pytest.mark.parametrize("command", ["verify", "rollback", "path"])
def test_an_unknown_version_is_a_usage_error(workspace, versions, command):
    result = call(workspace, command, 5)
    assert isinstance(result.exception, UsageError)
    listed = ", ".join(map(str, versions))
    assert f"Received: 5. Versions there: {listed}." in str(result.exception)


@pytest.mark.parametrize("command", ["verify", "rollback", "path"])
def test_an_empty_store_is_a_usage_error(workspace, command):
    result = call(workspace, command)
    assert isinstance(result.exception, UsageError)
    assert "'mnist-pipeline run' pushes one" in str(result.exception)


@pytest.mark.parametrize("number", ["0", "newest", "1.5"])
def test_what_is_no_version_is_refused(workspace, number):
    assert call(workspace, "verify", number).exit_code == 2
    assert call(workspace, "rollback", number).exit_code == 2


def test_rollback_serves_the_one_before(workspace, versions):
    result = call(workspace, "rollback")
    new = store(workspace).versions()[-1]
    assert result.output == (
        f"{store(workspace).path(new)} serves; it is a copy of version {versions[1]}.\n"
    )
    assert store(workspace).manifest(new).run_id == "run-1"


def test_rollback_to_a_given_version(workspace, versions):
    assert call(workspace, "rollback", versions[0]).exit_code == 0
    new = store(workspace).versions()[-1]
    assert store(workspace).manifest(new).rollback_of == versions[0]


def test_prune_says_what_it_removed(workspace, versions):
    base = store(workspace).base
    expected = "".join(f"{{}} {base / str(v)}\n" for v in versions[:2])
    result = call(workspace, "prune", "--keep", 1, "--dry-run")
    assert result.output == expected.format("Would remove", "Would remove")
    assert store(workspace).versions() == versions
    result = call(workspace, "prune", "--keep", 1)
    assert result.output == expected.format("Removed", "Removed")
    assert store(workspace).versions() == versions[2:]
    result = call(workspace, "prune", "--keep", 1)
    assert result.output == f"Nothing to remove from {base}.\n"


@pytest.mark.parametrize("options", [[], ["--keep", "0"], ["--keep", "all"]])
def test_prune_needs_how_many_to_keep(workspace, versions, options):
    assert call(workspace, "prune", *options).exit_code == 2
    assert store(workspace).versions() == versions


def test_another_pipeline(workspace, versions):
    (workspace / "serving" / "mnist").rename(workspace / "serving" / "fashion")
    assert len(rows(call(workspace, "--pipeline", "fashion"))) == 4
    result = call(workspace, "--pipeline", "mnist")
    assert isinstance(result.exception, UsageError)
    assert "Received: mnist. Pipelines there: fashion." in str(result.exception)


def test_the_only_pipeline_needs_no_name(workspace, versions):
    (workspace / "serving" / "mnist").rename(workspace / "serving" / "fashion")
    assert len(rows(call(workspace))) == 4
    (workspace / "serving" / "letters").mkdir()
    result = call(workspace)
    assert isinstance(result.exception, UsageError)
    assert "Received: no --pipeline. Pipelines there: fashion, letters." in str(
        result.exception
    )


def test_tensorflow_is_not_imported(workspace, versions):
    code = (
        "import sys; from pipeline.commands.models import models; "
        "models(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'tensorflow', 'tfx', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", "--workspace", str(workspace)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
