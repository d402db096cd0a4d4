"""What ``workspace clean`` removed is no cache hit, and what it kept is one."""

import pytest

pytestmark = pytest.mark.e2e


def test_a_cleaned_workspace_goes_on(make_project) -> None:
    project = make_project()
    old = project.run()
    assert old.code == 0, old.err
    first = project.run("--set", "train.epochs=5")
    assert first.code == 0, first.err
    cli = ("-m", "pipeline.cli")
    project.command(*cli, "models", "prune", "--keep", "1")
    cleaned = project.command(*cli, "workspace", "clean", "--keep", "1")
    assert cleaned.code == 0, cleaned.err
    assert "Trainer/model_run/" in cleaned.out

    same = project.run("--set", "train.epochs=5")
    assert (same.code, same.rerun()) == (0, set()), same.err
    back = project.run("--set", "evaluation.max_accuracy_drop=0.5")
    assert back.code == 0, back.err
    assert back.rerun() == {
        "Trainer",
        "Evaluator",
        "ModelAudit",
        "ServingCheck",
        "Pusher",
    }
    accuracy = old.summary["metrics"]["accuracy"]
    assert back.summary["metrics"]["accuracy"] == pytest.approx(accuracy)
    # The page of the run that was cleaned stays as full as it was.
    run_id = old.summary["run_id"]
    page = project.root / "workspace" / "reports" / run_id / "index.html"
    before = page.read_bytes()
    again = project.command(*cli, "report", run_id)
    assert again.code == 0, again.err
    assert page.read_bytes() == before
    assert "as it was: it also shows" in again.err
