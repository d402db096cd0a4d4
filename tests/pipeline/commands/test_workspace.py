"""``mnist-pipeline workspace clean``: what goes, what stays, and what it says."""

import re
import secrets
import shutil
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.artifact_files import has_files, note_files
from components.errors import PipelineError, UsageError
from components.publishing.store import ModelStore
from pipeline.commands.workspace import workspace as command
from pipeline.config import load_config
from pipeline.history import cleaning
from pipeline.history.runs import RunHistory
from tests.pipeline.history.made_history import Recorder

FACTS = {
    "pipeline": "mnist",
    "run_id": "run",
    "digests": {},
    "metrics": None,
    "baseline": None,
    "checks": [],
    "versions": {},
}
BLESSED = {"blessing": {"blessed": 1}}


@attrs.define
class Work:
    """A workspace with runs and the files of their artifacts."""

    recorder: Recorder
    export: Path

    @property
    def path(self) -> Path:
        return self.recorder.workspace

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    def run(self, run_id: str, version: int = 0, **baseline: int) -> dict[str, int]:
        """Records a run with files, that pushed a version if one is given."""
        execute = self.recorder.execute
        made = execute(run_id, "ExampleGen", outputs={"examples": {}})
        gave = execute(
            run_id,
            "Trainer",
            inputs=(made["examples"],),
            outputs={"model": {}, "model_run": {}},
        )
        read = (gave["model"], made["examples"], *baseline.values())
        blessing = BLESSED if version else {"blessing": {"blessed": 0}}
        made |= gave | execute(run_id, "Evaluator", inputs=read, outputs=blessing)
        if version:
            pushed = {"pushed": 1, "pushed_version": str(version)}
            made |= execute(
                run_id,
                "Pusher",
                inputs=(gave["model"],),
                outputs={"pushed_model": pushed},
            )
        self.recorder.summarize(run_id, status="pushed" if version else "failed")
        self.write_files(made)
        return made

    def write_files(self, made: dict[str, int]) -> None:
        for artifact in self.recorder.store.get_artifacts_by_id(list(made.values())):
            name = next(n for n, id in made.items() if id == artifact.id)
            folder = self.artifacts / "Node" / name / str(artifact.id)
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"x" * 1000)
            note_files(str(folder))
            artifact.uri = str(folder)
            self.recorder.store.put_artifacts([artifact])

    def publish(self, data: str = "da7a") -> int:
        """Publishes a version that differs from the one before."""
        digests = {"code": secrets.token_hex(8), "data": data}
        facts = {**FACTS, "digests": digests}
        return ModelStore(self.path / "serving" / "mnist").publish(self.export, facts)

    def clean(self, *args: str) -> str:
        result = CliRunner().invoke(
            command,
            ["clean", *args, "--workspace", str(self.path)],
            catch_exceptions=False,
        )
        assert result.exit_code == 0
        return result.output

    def there(self) -> set[str]:
        return {
            f"{folder.parent.name} {folder.name}"
            for folder in self.artifacts.glob("*/[!.]*/*")
        }

    def live(self) -> set[int]:
        return {
            artifact.id
            for artifact in self.recorder.store.get_artifacts()
            if artifact.state == mlmd.Artifact.LIVE
        }


@pytest.fixture
def work(tmp_path: Path) -> Work:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "saved_model.pb").touch()
    return Work(Recorder(tmp_path / "work [1]"), tmp_path / "export")


def named(*runs: dict[str, int]) -> set[str]:
    return {f"{name} {id}" for made in runs for name, id in made.items()}


def without(made: dict[str, int], *names: str) -> dict[str, int]:
    return {name: id for name, id in made.items() if name not in names}


def test_what_the_newest_runs_have_stays_and_the_rest_goes(work: Work) -> None:
    old, middle, new = (work.run(f"run-{n}") for n in range(3))
    assert work.live() == {*old.values(), *middle.values(), *new.values()}

    out = work.clean("--keep", "2")
    assert work.there() == named(middle, new)
    assert work.live() == {*middle.values(), *new.values()}
    assert len(re.findall(r"^Removed /.* 0\.0 MB, of run run-0$", out, re.M)) == 4
    assert out.splitlines()[-1] == "Removed 4 artifacts, 4,000 bytes."
    assert work.clean("--keep", "2") == f"Nothing to remove from {work.artifacts}.\n"


def test_what_the_newest_run_took_from_the_cache_stays(work: Work) -> None:
    old = work.run("run-0")
    work.recorder.execute(
        "run-1", "ExampleGen", "cached", outputs={"examples": old["examples"]}
    )
    work.clean("--keep", "1")
    assert work.there() == named({"examples": old["examples"]})


def test_the_models_behind_versions_and_their_baselines_stay(work: Work) -> None:
    first, second = work.publish(), work.publish()
    base = work.run("run-0")
    published = work.run("run-1", first, baseline=base["model"])
    pruned = work.run("run-2", 17)
    serving = work.run("run-3", second)
    refused = work.run("run-4")
    work.clean("--keep", "1")

    assert work.there() == named(
        {"model": base["model"]}, without(published, "examples"), serving, refused
    )
    assert not work.live() & {*pruned.values()}


def test_a_copy_keeps_the_model_of_its_original(work: Work) -> None:
    store = ModelStore(work.path / "serving" / "mnist")
    first, _ = work.publish(), work.publish()
    original = work.run("run-0", first)
    store.rollback(first)
    shutil.rmtree(store.path(first))
    newest = work.run("run-1")
    work.clean("--keep", "1")

    # The last run that pushed is kept whole, and this is it.
    assert work.there() == named(original, newest)


def test_the_last_model_that_both_gates_blessed_stays(work: Work) -> None:
    blessed, newest = work.run("run-0", 17), None
    checked = work.recorder.execute("run-0", "ServingCheck", outputs=BLESSED)
    work.write_files(checked)
    work.recorder.summarize("run-0", status="failed")
    newest = work.run("run-1")
    work.clean("--keep", "1")

    assert work.there() == named(without(blessed, "examples"), checked, newest)


@pytest.mark.parametrize(
    "status", ["data_rejected", "model_rejected", "serving_rejected"]
)
def test_what_the_last_refusal_points_to_stays(work: Work, status: str) -> None:
    for run_id in ("run-0", "run-1"):
        work.run(run_id)
        work.recorder.summarize(run_id, status=status)
    refused = work.recorder.execute("run-1", "DataAudit", outputs={"audit": {}})
    work.write_files(refused)
    last = {n for n in work.there() if n not in named(work.run("run-2"))}
    pushed, newest = work.run("run-3", 17), work.run("run-4")
    work.clean("--keep", "1")

    assert named(refused) <= work.there()
    kept = {name for name in work.there() if name in last}
    assert {name.split()[0] for name in kept} == {
        *("examples", "model", "model_run", "blessing", "audit")
    }
    assert work.there() - kept == named(pushed, newest)


def test_the_data_to_measure_against_stays(work: Work) -> None:
    store = ModelStore(work.path / "serving" / "mnist")
    first, second, third = (work.publish(data) for data in ("old", "other", "old"))
    oldest = work.run("run-0", first)
    other = work.run("run-1", second)
    serves = work.run("run-2", third)
    assert store.rollback(second) > third
    pushed, newest = work.run("run-3", 17), work.run("run-4")
    shutil.rmtree(store.path(second))
    work.clean("--keep", "1")

    # A copy of the second serves; the third is the newest of other data.
    assert work.there() == named(
        without(oldest, "examples"), other, serves, pushed, newest
    )


def test_a_dry_run_changes_nothing(work: Work) -> None:
    old, new = work.run("run-0"), work.run("run-1")
    work.clean("--keep", "2")
    before = {p: p.read_bytes() for p in work.path.rglob("*") if p.is_file()}
    out = work.clean("--keep", "1", "--dry-run")

    assert out.splitlines()[-1] == "Would remove 4 artifacts, 4,000 bytes."
    assert {p: p.read_bytes() for p in work.path.rglob("*") if p.is_file()} == before
    assert work.there() == named(old, new)
    work.clean("--keep", "1")
    assert work.there() == named(new)


def test_a_kill_before_the_files_go_is_made_up_for(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.run("run-0")
    new = work.run("run-1")

    def killed(*args) -> None:
        raise KeyboardInterrupt

    config = load_config(workspace=work.path)
    found = cleaning.find_removable(config, 1)
    with monkeypatch.context() as patch:
        patch.setattr(cleaning.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            cleaning.remove(config, found)
    # Nothing takes them for results, though their files are there still.
    assert work.live() == {*new.values()}
    assert len(work.there()) == 8
    work.clean("--keep", "1")
    assert work.there() == named(new)


def test_what_a_failed_node_left_goes(work: Work) -> None:
    new = work.run("run-0")
    work.recorder.execute("run-1", "Trainer", "failed")
    failed = max(e.id for e in work.recorder.store.get_executions())
    left = work.artifacts / "Trainer" / "model" / str(failed)
    left.mkdir(parents=True)
    (work.artifacts / "Trainer" / "mine").mkdir()
    work.clean("--keep", "2")

    assert not left.exists()
    assert (work.artifacts / "Trainer" / "mine").exists()
    assert named(new) <= work.there()


def test_removed_artifacts_are_known_and_gone(work: Work) -> None:
    work.run("run-0", 17)
    work.run("run-1", 18)
    work.clean("--keep", "1")
    history = RunHistory(load_config(workspace=work.path))
    pushed = history.run("run-0").output("Pusher", "pushed_model")

    assert history.run("run-0").version == 17
    assert not has_files(pushed.uri)
    assert not list(work.artifacts.glob(f"*/.system/files/{Path(pushed.uri).name}"))


def test_nothing_outside_the_artifacts_goes(work: Work) -> None:
    old = work.run("run-0")
    work.run("run-1")
    outside = work.path / "elsewhere" / "a" / "1"
    outside.mkdir(parents=True)
    store = work.recorder.store
    paths = (outside, work.artifacts / ".." / "elsewhere" / "a" / "1", work.artifacts)
    for artifact, path in zip(
        store.get_artifacts_by_id(list(old.values())), paths, strict=False
    ):
        artifact.uri = str(path)
        store.put_artifacts([artifact])
    out = work.clean("--keep", "1")

    assert outside.is_dir()
    assert "Removed 1 artifact," in out


def test_without_metadata_nothing_goes(work: Work) -> None:
    folder = work.artifacts / "Trainer" / "model" / "1"
    folder.mkdir(parents=True)

    with pytest.raises(PipelineError, match="nobody knows which artifacts are needed"):
        work.clean()
    assert folder.exists()


def test_a_workspace_that_is_none_is_refused(work: Work) -> None:
    with pytest.raises(UsageError, match="which is no folder"):
        work.clean()
    assert not work.path.exists()
