"""The order of measuring, what is kept of it, and the command; nothing heavy runs."""

import io
import json
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from benchmarks import contenders, pipeline_run, run, scale, serving_speed, tfx_peer
from benchmarks.contenders import run_contenders
from benchmarks.pipeline_run import PipelineRun, Task, run_pipeline
from benchmarks.processes import Done, Usage
from benchmarks.tfx_peer import AS_SHIPPED, IN_MEMORY, PeerRun, run_example
from components.errors import UsageError
from pipeline.run.node_attempts import NodeAttempt, NodeAttempts
from pipeline.run.screen import NodeScreen

TASK = Task(Path("/data"), "default", ("train.epochs=2",))
USAGE = Usage(wall=20.04, user_cpu=30.0, peak_memory=900.0)
FIGURES = {"wall": 20.0, "user_cpu": 30.0, "peak_memory": 900.0}
# Two epochs of 54,784 examples: at 10,956 a second, which is 5.0 s, then 4 s.
LOG = "\n".join(
    f"2026-11-24 23:00:0{second},000 I components.training.progress: epoch {epoch}/2  "
    "loss 1  10,956 examples/s  1 s left"
    for epoch, second in ((1, 1), (2, 5))
)
SUMMARY = {
    "run_id": "one",
    "metrics": {"accuracy": 0.99},
    "data": {"train": 55_000},
    "components": [{"id": "ExampleGen", "seconds": 9.5, "cached": False}],
    "model": {"path": "/model"},
}


@pytest.fixture
def screen() -> NodeScreen:
    return NodeScreen(io.StringIO())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Answers in the place of processes; returns who was asked, and where."""
    asked = []

    def pipeline(task: Task, workspace: Path) -> PipelineRun:
        asked.append(("ours", workspace.parent.name))
        return PipelineRun(USAGE, SUMMARY, LOG)

    def example(command, records: Path, home: Path) -> PeerRun:
        asked.append(("shipped" if command == AS_SHIPPED else "best", home.name))
        return PeerRun(USAGE, 0.95)

    def measured(command, env=None) -> Done:
        asked.append(("bare", command[2]))
        return Done(USAGE, 'Saved artifact\n{"accuracy": 0.98, "seconds": {}}\n')

    monkeypatch.setattr(contenders, "run_pipeline", pipeline)
    monkeypatch.setattr(contenders, "run_example", example)
    monkeypatch.setattr(contenders, "run_measured", measured)
    monkeypatch.setattr(contenders, "write_records", lambda data, folder: 70_000)
    return asked


def test_contenders_take_turns_and_each_round_has_its_own_folder(asked, screen) -> None:
    saved = []
    run_contenders(TASK, 2, True, screen, lambda rounds: saved.append(len(rounds)))

    assert asked == [
        ("ours", "0"),
        ("ours", "0"),
        ("shipped", "shipped"),
        ("best", "best"),
        ("bare", "benchmarks.bare_keras"),
        ("ours", "1"),
        ("ours", "1"),
        ("shipped", "shipped"),
        ("best", "best"),
        ("bare", "benchmarks.bare_keras"),
    ]
    assert saved == [1, 2]


def test_without_its_peers_the_pipeline_is_measured_alone(asked, screen) -> None:
    kept = []
    run_contenders(TASK, 1, False, screen, kept.extend)

    assert asked == [("ours", "0"), ("ours", "0")]
    assert [list(figures) for figures in kept] == [["ours", "cached"]]


def test_what_is_kept_of_each_contender(asked, screen) -> None:
    kept = []
    run_contenders(TASK, 1, True, screen, kept.extend)

    [figures] = kept
    assert figures == {
        "ours": {
            **FIGURES,
            "accuracy": 0.99,
            "outside_training": 11.0,
            "node_seconds": {"ExampleGen": 9.5},
        },
        "cached": FIGURES,
        "tfx_shipped": {**FIGURES, "accuracy": 0.95},
        "tfx_best": {**FIGURES, "accuracy": 0.95},
        "bare": {**FIGURES, "accuracy": 0.98, "seconds": {}},
    }


@pytest.mark.parametrize(
    ("overrides", "available", "expected"),
    [
        (("train.batch_size=256",), 55_000, 214 * 256),
        (("train.max_examples=1000", "train.batch_size=256"), 55_000, 14 * 3 * 256),
        (("train.batch_size=100", "train.min_steps=1"), 950, 900),
    ],
)
def test_an_epoch_takes_whole_batches(overrides, available, expected) -> None:
    assert Task(Path(), "default", overrides).epoch_examples(available) == expected


def test_the_pipeline_runs_with_the_task_and_its_log_is_read(
    monkeypatch, tmp_path: Path
) -> None:
    commands = []

    def measured(command, env=None) -> Done:
        commands.append([str(part) for part in command[2:]])
        return Done(USAGE, json.dumps(SUMMARY))

    monkeypatch.setattr(pipeline_run, "run_measured", measured)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "one.log").write_text("what it logged")

    assert run_pipeline(TASK, tmp_path) == PipelineRun(USAGE, SUMMARY, "what it logged")
    given = "--data /data --preset default --set train.epochs=2 --workspace"
    assert commands == [
        ["pipeline.cli", "run", *given.split(), str(tmp_path), "--json"]
    ]


@pytest.mark.parametrize("command", [AS_SHIPPED, IN_MEMORY])
def test_the_example_finds_its_files_below_its_own_home(
    monkeypatch, tmp_path: Path, command
) -> None:
    seen = []

    def measured(command, env=None) -> Done:
        seen.append((command, env))
        return Done(USAGE, "0.9375\n")

    monkeypatch.setattr(tfx_peer, "run_measured", measured)
    (tmp_path / "records").mkdir()
    home = tmp_path / "home"

    run = run_example(command, tmp_path / "records", home)
    assert run == PeerRun(USAGE, 0.9375)
    assert seen[0] == (command, {"HOME": str(home), "TMPDIR": f"{home}/tmp"})
    assert (home / "tmp").is_dir()
    assert seen[1][0][-1] == str(home / "tfx" / "pipelines" / "mnist_native_keras")
    assert (home / "mnist" / "data").resolve() == tmp_path / "records"
    code = (home / "mnist" / "mnist_utils_native_keras.py").read_text()
    assert "def run_fn(fn_args: FnArgs):" in code


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Answers for each process of the scale; returns what they were asked."""
    asked = []

    def measured(command, env=None) -> Done:
        name, *options = map(str, command[2:])
        if name == "benchmarks.node_ids":
            return Done(USAGE, '["ExampleGen", "Trainer"]')
        if name == "benchmarks.scale_records":
            asked.append((name, options[0], options[2]))
            return Done(USAGE, "1")
        given = dict(zip(options[::2], options[1::2], strict=True))
        workspace, node = Path(given["--workspace"]), given["--node"]
        asked.append((name, Path(given["--data"]).name, node))
        seconds = 2.5 if node == "Trainer" else 1.25
        attempt = NodeAttempt(node, "done", seconds=seconds)
        NodeAttempts(workspace / "runs" / given["--run-id"]).write(attempt)
        log = LOG if node == "Trainer" else ""
        return Done(attrs.evolve(USAGE, peak_memory=len(asked)), log)

    monkeypatch.setattr(scale, "run_measured", measured)
    return asked


def test_nodes_run_one_by_one_at_each_factor(nodes, screen) -> None:
    saved = []
    run_scale = scale.run_scale
    run_scale(TASK, 1, (1, 10), screen, lambda rounds: saved.append(json.dumps(rounds)))

    runner = "pipeline.node_runner"
    assert nodes == [
        ("benchmarks.scale_records", "/data", "1"),
        ("benchmarks.scale_records", "/data", "10"),
        (runner, "data-1", "ExampleGen"),
        (runner, "data-1", "Trainer"),
        (runner, "data-10", "ExampleGen"),
        (runner, "data-10", "Trainer"),
    ]
    seconds = {"ExampleGen": 1.25, "Trainer": 2.5, "an epoch": 4.0}
    first = {"seconds": seconds, "peak_memory": {"ExampleGen": 3, "Trainer": 4}}
    second = {"seconds": seconds, "peak_memory": {"ExampleGen": 5, "Trainer": 6}}
    assert [json.loads(one) for one in saved] == [
        [{"1": first}],
        [{"1": first, "10": second}],
    ]


def test_the_pushed_model_is_the_one_that_is_timed(monkeypatch, screen) -> None:
    commands, settings, saved = [], [], []

    def pipeline(task: Task, workspace: Path) -> PipelineRun:
        settings.append(task.overrides)
        return PipelineRun(USAGE, SUMMARY, LOG)

    def measured(command, env=None) -> Done:
        commands.append(command[2:])
        return Done(USAGE, '{"predict_pixels": {}}')

    monkeypatch.setattr(serving_speed, "run_pipeline", pipeline)
    monkeypatch.setattr(serving_speed, "run_measured", measured)
    serving_speed.run_serving(TASK, 4, screen, saved.append)

    assert settings[0][0] == "train.epochs=2"
    assert settings[0][-1] == "train.epochs=1"
    given = "--data /data --preset default --set train.epochs=2 --rounds 4"
    assert commands == [["benchmarks.serving_load", "/model", *given.split()]]
    assert saved == [{"predict_pixels": {}}]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Stands in for the measurements; returns what is measured and recorded."""
    seen = []

    def stand_in(part: str, measured):
        def measure(task, *arguments) -> None:
            seen.append((part, task.overrides, *arguments[:-2]))
            arguments[-1](measured)

        return measure

    monkeypatch.setattr(run, "run_contenders", stand_in("contenders", [{}, {}]))
    monkeypatch.setattr(run, "run_serving", stand_in("serving", {"a": {}}))
    monkeypatch.setattr(run, "run_scale", stand_in("scale", [{}]))
    monkeypatch.setattr(run, "add_part", lambda *arguments: seen.append(arguments))
    return seen


def test_make_bench_measures_all_parts_and_records_each(parts) -> None:
    result = CliRunner().invoke(run.main, ["--commit", "abc"], catch_exceptions=False)

    assert result.exit_code == 0
    assert parts == [
        ("contenders", (), 3, True),
        (run.HERE, "contenders", {"rounds": [{}, {}], "count": 2}, "abc"),
        ("serving", (), 9),
        (run.HERE, "serving", {"ways": {"a": {}}, "count": 9}, "abc"),
        ("scale", (), 1, (1, 3, 10)),
        (run.HERE, "scale", {"rounds": [{}], "count": 1}, "abc"),
    ]


def test_one_part_can_be_measured_alone(parts, tmp_path: Path) -> None:
    out = str(tmp_path / "new")
    options = "--only scale --scale-rounds 2 --factor 1 --factor 4 --set train.epochs=2"
    CliRunner().invoke(
        run.main, [*options.split(), "--out", out], catch_exceptions=False
    )

    assert [one[0] for one in parts] == ["scale", tmp_path / "new"]
    assert parts[0] == ("scale", ("train.epochs=2",), 2, (1, 4))


@pytest.mark.parametrize(
    "option", ["--data=.", "--preset=quick", "--set=train.epochs=1"]
)
def test_a_try_is_not_recorded(parts, option: str) -> None:
    result = CliRunner().invoke(run.main, [option])

    assert isinstance(result.exception, UsageError)
    assert "to come with --out FOLDER" in str(result.exception)
    assert parts == []
