"""Trainings in processes of their own: killed half-way, and done twice."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.checkout import PROJECT_ROOT
from components.serving.requests import read_reference
from pipeline.config import Config, load_config

pytestmark = pytest.mark.slow

# Trains as the quick preset does; argv: the arguments of run_fn as JSON.
TRAIN = """
import json, logging, sys
from types import SimpleNamespace
logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
from components.training.trainer import run_fn
run_fn(SimpleNamespace(**json.loads(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def arguments(transform_graph: Path) -> dict:
    """What a training of the quick preset gets, with dropout as well."""
    config = load_config("quick", overrides=["model.dropout=0.2", "train.epochs=5"])
    custom_config = {
        "model": {"hidden_units": config.model.hidden_units, "dropout": 0.2},
        "train": {
            "epochs": config.train.epochs,
            "batch_size": config.train.batch_size,
            "max_examples": config.train.max_examples,
        },
        "pictures": {"fit": "ink"},
        "warm_start": False,
        "code": "0" * 64,
    }
    return {
        "train_files": [str(PROJECT_ROOT / "data/mnist/train/*-00000-*")],
        "eval_files": [str(PROJECT_ROOT / "data/mnist/val/*")],
        "transform_output": str(transform_graph),
        "schema_path": str(Config().schema),
        "base_model": None,
        "custom_config": custom_config,
    }


def start(arguments: dict, folder: Path, checkpoints: Path, **train):
    custom = arguments["custom_config"]
    values = {
        **arguments,
        "serving_model_dir": str(folder / "serving"),
        "model_run_dir": str(folder / "run"),
        "custom_config": {
            **custom,
            "train": {**custom["train"], **train},
            "checkpoints": str(checkpoints),
        },
    }
    return subprocess.Popen(
        [sys.executable, "-u", "-c", TRAIN, json.dumps(values)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def train(arguments: dict, folder: Path, checkpoints: Path, **settings) -> str:
    """Trains to the end; returns what it said."""
    process = start(arguments, folder, checkpoints, **settings)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    return output


def history(folder: Path) -> dict:
    return json.loads((folder / "run" / "history.json").read_text())["epochs"]


def weights(folder: Path) -> list[np.ndarray]:
    import tensorflow as tf

    model = tf.saved_model.load(str(folder / "serving"))
    graph = model.signatures["predict_pixels"]
    return [variable.numpy() for variable in sorted(graph.variables, key=_name)]


def _name(variable) -> str:
    return variable.name


@pytest.mark.parametrize("members", [1, 2], ids=["alone", "second member"])
def test_a_killed_training_goes_on_and_ends_as_an_unbroken_one(
    arguments: dict, tmp_path: Path, members: int
) -> None:
    custom = arguments["custom_config"]
    model = {**custom["model"], "members": members}
    arguments = {**arguments, "custom_config": {**custom, "model": model}}
    train(arguments, tmp_path / "whole", tmp_path / "other")
    checkpoints = tmp_path / "checkpoints"
    killed = start(arguments, tmp_path / "killed", checkpoints)
    third_epochs = 0
    for line in killed.stdout:
        third_epochs += line.startswith("epoch 3/5")
        if third_epochs == members:
            os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "serving").exists()

    output = train(arguments, tmp_path / "resumed", checkpoints)

    # The checkpoint of the third epoch may or may not have been written.
    assert "epoch 2/5" not in output
    assert "epoch 4/5" in output
    assert list(checkpoints.iterdir()) == []
    before, after = (
        read_reference(tmp_path / name / "run").probabilities
        for name in ("whole", "resumed")
    )
    np.testing.assert_allclose(before, after, atol=1e-5)
    expected, curves = history(tmp_path / "whole"), history(tmp_path / "resumed")
    assert set(curves) == set(expected)
    for name, values in expected.items():
        assert curves[name] == pytest.approx(values, rel=1e-4)


def test_a_deterministic_training_gives_bit_equal_weights(
    arguments: dict, tmp_path: Path
) -> None:
    settings = {"deterministic": True, "epochs": 2}
    for name in ("one", "other"):
        train(arguments, tmp_path / name, tmp_path / "checkpoints", **settings)

    one, other = weights(tmp_path / "one"), weights(tmp_path / "other")
    assert len(one) == 7
    for array, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(array, same)
    assert history(tmp_path / "one") == history(tmp_path / "other")
