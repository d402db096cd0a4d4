"""Training on from the model that serves, through TFX."""

import pytest

pytestmark = pytest.mark.e2e

SHORT = ("--set", "train.epochs=3", "--set", "evaluation.min_accuracy=0.5")
FROM_TRAINER = {"Trainer", "Evaluator", "ModelAudit", "ServingCheck", "Pusher"}


def test_a_warm_start_trains_on_or_says_why_not(make_project):
    project = make_project()
    cold = project.run(*SHORT, "--warm-start")
    assert cold.code == 0, cold.err
    assert "no warm start: there is no model to start from" in cold.err

    warm = project.run(*SHORT, "--warm-start")

    assert warm.rerun() == FROM_TRAINER
    assert f"warm start from {warm.summary['warm_start_model']['uri']}" in warm.err
    assert warm.summary["metrics"]["accuracy"] > cold.summary["metrics"]["accuracy"]
    baseline, metrics = warm.summary["baseline"], cold.summary["metrics"]
    # The same model, summed up in another order.
    for name in ("accuracy", "loss", "per_class"):
        assert baseline[name] == pytest.approx(metrics[name], rel=1e-6)

    other = project.run(*SHORT, "--warm-start", "--set", "model.hidden_units=[64]")
    assert "no warm start: the model to start from does not fit." in other.err
