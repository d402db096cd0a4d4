"""``mnist-pipeline runs`` as a person calls it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.checkout import PROJECT_ROOT
from components.errors import UsageError
from components.publishing.store import ModelStore
from pipeline.commands.runs import runs
from tests.pipeline.history.made_history import Recorder

NAMES = [f"class {label}" for label in range(10)]
CHECK = {
    "gate": "model",
    "name": "accuracy",
    "slice": "digit 3",
    "value": 0.5,
    "bound": 0.7,
    "passed": False,
}
CHANGE = {
    "version": 7,
    "candidate": 0.97,
    "candidate_before": 0.1,
    "previous": 0.2,
    "previous_before": 0.96,
    "renamed": {"3": "4"},
}


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Two runs: one that pushed, one that was refused."""
    recorder = Recorder(tmp_path / "work")
    made = recorder.run("20260101-000000-aaaa", version=7)
    recorder.summarize("20260101-000000-aaaa")
    recorder.execute(
        "20260102-000000-bbbb",
        "ExampleGen",
        "cached",
        outputs={"examples": made["examples"]},
    )
    recorder.summarize(
        "20260102-000000-bbbb",
        status="model_rejected",
        model={},
        checks=[CHECK],
        config={"preset": "quick", "train": {"epochs": 8}},
    )
    return recorder


def call(recorder: Recorder, *arguments: object) -> Result:
    given = [str(a) for a in arguments]
    result = CliRunner().invoke(
        runs, [*given, "--workspace", str(recorder.workspace)], terminal_width=200
    )
    assert isinstance(result.exception, type(None) | UsageError | SystemExit), result
    return result


def words(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.output.splitlines()]


@pytest.mark.parametrize("command", [[], ["list"]])
def test_list_has_a_row_for_each_run(recorder, command) -> None:
    heading, first, second = words(call(recorder, *command))
    assert " ".join(heading) == "run started, UTC status accuracy version seconds"
    assert [first[0], *first[3:]] == [
        "20260101-000000-aaaa",
        *["pushed", "90.00", "%", "7", "12.5"],
    ]
    assert [second[0], *second[3:]] == [
        "20260102-000000-bbbb",
        *["model", "rejected", "90.00", "%", "12.5"],
    ]


@pytest.mark.parametrize("command", [["--json"], ["list", "--json"]])
def test_list_as_json(recorder, command) -> None:
    first, second = json.loads(call(recorder, *command).stdout)
    assert first.pop("started").endswith("+00:00")
    assert first == {
        "run_id": "20260101-000000-aaaa",
        "status": "pushed",
        "serving": None,
        "accuracy": 0.9,
        "version": 7,
        "seconds": 12.5,
        "preset": "quick",
        "problem": None,
    }
    assert (second["status"], second["version"]) == ("model_rejected", None)


@pytest.mark.parametrize(
    ("state", "status", "version"),
    [
        ("rolled_back", ["not", "published"], "7"),
        ("superseded", ["pushed"], "7"),
        ("published", ["pushed"], "9"),
    ],
)
def test_the_version_of_a_run_is_that_of_its_model(
    recorder, state: str, status: list[str], version: str
) -> None:
    """Not the one that served at its end, where that is another model's."""
    serving = {"state": state, "version": "9", "text": "Why."}
    recorder.summarize("20260101-000000-aaaa", model={"version": "9"}, serving=serving)

    _, row, _ = words(call(recorder))

    assert row[3:-1] == [*status, "90.00", "%", version]


def test_a_run_started_when_its_summary_says(recorder) -> None:
    """Its first node starts later: TFX is imported before."""
    started = "2026-01-01T00:00:00+00:00"
    recorder.summarize("20260101-000000-aaaa", started=started)

    first, _ = json.loads(call(recorder, "--json").stdout)

    assert first["started"] == started


def test_list_without_runs(tmp_path) -> None:
    empty = Recorder(tmp_path / "empty")
    assert call(empty).output == "No run here; 'mnist-pipeline run' makes one.\n"
    assert json.loads(call(empty, "--json").stdout) == []


def test_a_damaged_summary_is_told_below_the_list(recorder) -> None:
    recorder.summarize("20260102-000000-bbbb").write_text("{")
    lines = call(recorder).output.splitlines()
    assert "unfinished" in lines[2]
    assert lines[3].startswith("20260102-000000-bbbb: Expected the summary of a run")


def test_show_has_nodes_checks_and_artifacts(recorder) -> None:
    content = json.loads(call(recorder, "show", "latest", "--json").stdout)
    assert content["run_id"] == "20260102-000000-bbbb"
    assert content["nodes"] == [{"id": "Trainer", "state": "done", "seconds": 1.5}]
    assert content["checks"] == [CHECK]
    assert content["config"]["train"] == {"epochs": 8}
    [artifact] = content["artifacts"]
    assert artifact.pop("id") > 0
    assert artifact == {
        "name": "examples",
        "type": "Examples",
        "uri": "/artifacts/examples",
        "node": "ExampleGen",
        "made_by": "20260101-000000-aaaa",
    }

    text = call(recorder, "show", "20260102-000000-bbbb").output
    rows = [line.split() for line in text.splitlines()]
    assert ["Trainer", "done", "1.5"] in rows
    check = ["accuracy", "class", "3", "(class", "3)", "0.5", "0.7"]
    assert ["✗", "model", *check] in rows
    assert ["ExampleGen.examples", "20260101-000000-aaaa", "/artifacts/examples"] in (
        rows
    )


def test_show_without_a_summary_has_what_the_store_knows(recorder) -> None:
    recorder.execute("20260103-000000-cccc", "ExampleGen", "failed")
    content = json.loads(call(recorder, "show", "latest", "--json").stdout)
    assert (content["status"], content["config"]) == ("failed", None)
    [node] = content["nodes"]
    assert (node["id"], node["state"]) == ("ExampleGen", "failed")
    assert call(recorder, "show", "latest").exit_code == 0


def test_an_unknown_run_is_a_usage_error(recorder) -> None:
    for command in (["show", "20260102"], ["diff", "latest", "20260102"]):
        error = call(recorder, *command).exception
        assert isinstance(error, UsageError)
        assert "The nearest: 20260102-000000-bbbb" in str(error)


def test_diff_shows_what_changed(recorder) -> None:
    result = call(recorder, "diff", "20260101-000000-aaaa", "latest")
    rows = words(result)
    assert rows[0] == ["before", "after"]
    assert rows[1] == ["run", "20260101-000000-aaaa", "20260102-000000-bbbb"]
    assert ["outcome:", "status", "pushed", "model_rejected"] in rows
    assert ["train.epochs", "6", "8"] in rows
    assert rows[-1] == ["the", "same:", "digests,", "data,", "metrics,", "versions"]
    content = json.loads(
        call(recorder, "diff", "20260101-000000-aaaa", "latest", "--json").stdout
    )
    assert content["changed"]["config"] == {"train.epochs": {"before": 6, "after": 8}}
    assert content["changed"]["metrics"] == {}
    assert content["not_recorded"] == {}


def test_diff_says_what_was_not_recorded(recorder) -> None:
    recorder.execute("20260103-000000-cccc", "ExampleGen", "failed")
    result = call(recorder, "diff", "20260101-000000-aaaa", "latest")
    assert "config: not kept by 20260103-000000-cccc" in result.output


def test_trace_leads_from_a_version_to_its_data(recorder, tmp_path) -> None:
    store = ModelStore(recorder.workspace / "serving" / "mnist")
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").write_bytes(b"graph")
    facts = {
        "pipeline": "mnist",
        "run_id": "20260105-000000-dddd",
        "digests": {"code": "c" * 64, "data": "d" * 64, "schema": "5" * 64},
        "metrics": {"accuracy": 0.9876, "loss": 0.03, "per_class": {}},
        "baseline": None,
        "checks": [],
        "versions": {"tfx": "1.16.0"},
        "classes": NAMES,
        "commit": "c0ffee-dirty",
        "meaning_change": CHANGE,
    }
    version = store.publish(tmp_path / "export", facts)
    recorder.run("20260105-000000-dddd", version, data=str(tmp_path / "gone"))

    content = json.loads(call(recorder, "trace", version, "--json").stdout)
    assert content["data"] == {
        "digest": "d" * 64,
        "path": str(tmp_path / "gone"),
        "now": "missing",
    }
    assert content["code"]["now"] == "different"
    assert (content["run_id"], content["files"]) == (
        "20260105-000000-dddd",
        "as published",
    )
    assert [node["node"] for node in content["nodes"]] == [
        "ExampleGen",
        "SchemaGen",
        "Trainer",
        "Pusher",
    ]
    assert content["classes"] == NAMES

    text = call(recorder, "trace", version).output
    assert f"{tmp_path}/gone, dddddddddddd, no longer there" in text
    assert "accuracy   98.76 %" in text
    assert content["commit"] == "c0ffee-dirty"
    assert content["meaning_change"] == CHANGE
    assert (
        "meaning changed: right about 97.00 % of its own test split and 10.00 % of "
        "that of version 7, which is right about 20.00 % and 96.00 %; labels: 3 now 4"
    ) in " ".join(text.split())
    assert "commit     c0ffee-dirty" in text
    (store.path(version) / "saved_model.pb").write_bytes(b"other")
    assert "'saved_model.pb' changed" in call(recorder, "trace", version).output


def test_neither_tfx_nor_tensorflow_is_imported(recorder) -> None:
    code = (
        "import sys; from pipeline.commands.runs import runs; "
        "runs(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'tensorflow', 'tfx', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--workspace", str(recorder.workspace)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
