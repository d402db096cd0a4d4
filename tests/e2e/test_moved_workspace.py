"""A workspace that was moved or copied is cached and has its baseline."""

import shutil

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def project(make_project):
    project = make_project()
    finished = project.run()
    assert finished.code == 0, finished.err
    return project


def test_a_move_with_the_data_runs_nothing_and_keeps_the_baseline(project) -> None:
    workspace, moved = project.root / "workspace", project.root / "else where é"
    workspace.rename(moved)
    data = shutil.copytree(project.root / "data" / "mnist", project.root / "copied")
    same = project.run("--workspace", str(moved), "--data", str(data))
    assert same.rerun() == set(), same.err
    assert same.summary["model"]["path"].startswith(f"{moved}/serving/mnist/")

    changed = project.run("--workspace", str(moved), "--set", "train.epochs=5")
    judges = {"Evaluator", "ModelAudit"}
    assert changed.rerun() == {"Trainer", *judges, "ServingCheck", "Pusher"}
    assert changed.summary["baseline"] is not None

    # Two workspaces of one origin, each by itself.
    shutil.copytree(moved, workspace, symlinks=True)
    copy = project.run("--set", "train.epochs=5")
    assert copy.rerun() == set(), copy.err
    assert "is a copy of" in copy.err
    assert project.run("--workspace", str(moved)).rerun() <= {*judges, "Pusher"}


def test_files_removed_by_hand_are_made_again(project) -> None:
    workspace = project.root / "workspace"
    for model in (workspace / "artifacts" / "Evaluator" / "evaluation").iterdir():
        (model / "eval_config.json").unlink()
    finished = project.run("--set", "train.epochs=5")
    assert finished.code == 0, finished.err
    assert "Evaluator" in finished.rerun()
    assert "Trainer" not in finished.rerun()
