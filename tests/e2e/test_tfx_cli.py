"""TFX's own command line runs the pipeline too."""

import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


def test_tfx_creates_and_runs_the_pipeline(make_project, monkeypatch):
    project = make_project()
    monkeypatch.setenv("HOME", str(project.root / "home"))
    tfx = shutil.which("tfx", path=str(Path(sys.executable).parent))
    assert tfx is not None
    created = project.command(
        tfx,
        "pipeline",
        "create",
        "--engine=local",
        "--pipeline_path=pipeline/local_runner.py",
    )
    assert created.code == 0, created.err[-3000:]
    assert 'Pipeline "mnist" created successfully.' in created.out
    ran = project.command(
        tfx, "run", "create", "--engine=local", "--pipeline_name=mnist"
    )
    assert ran.code == 0, ran.err[-3000:]
    trained = project.root / "workspace/artifacts/Trainer/model"
    assert len(list(trained.glob("*/Format-Serving/saved_model.pb"))) == 1
