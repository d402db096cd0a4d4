"""Keras runs on TensorFlow, as it comes, whatever the user has set."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from components.own_environment import claim

pytestmark = pytest.mark.slow

FOREIGN = {
    "KERAS_BACKEND": "torch",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_MAX_STEPS_PER_EPOCH": "1",
    "KERAS_NNX_ENABLED": "true",
    "TF_USE_LEGACY_KERAS": "0",
    "TF2_BEHAVIOR": "0",
    "TF_CONFIG": '{"task": {"type": "worker", "index": 1}}',
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "XLA_FLAGS": "--no_such_flag",
    "MPLBACKEND": "no-such-backend",
}
OTHERS = {
    "CUDA_VISIBLE_DEVICES": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONPATH": "/elsewhere",
    "TFX_JSON_EXPORT_PIPELINE_ARGS_PATH": "/args.json",
}


def test_what_names_another_keras_is_gone_and_the_rest_stays(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow_transform", raising=False)
    environ = {**FOREIGN, **OTHERS}
    claim(environ)

    assert environ == {
        **OTHERS,
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": os.devnull,
        "MPLBACKEND": "agg",
    }


def test_what_tensorflow_transform_set_for_itself_stays(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_transform", object())
    environ = {"TF_USE_LEGACY_KERAS": "1"}
    claim(environ)

    assert environ["TF_USE_LEGACY_KERAS"] == "1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder whose ``keras.json`` names another of everything."""
    (tmp_path / ".keras").mkdir()
    settings = {
        "backend": "jax",
        "floatx": "float16",
        "epsilon": 0.5,
        "image_data_format": "channels_first",
    }
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings), "utf-8")
    return tmp_path


@pytest.mark.parametrize("first", ["components.features", "pipeline.local_runner"])
def test_keras_is_ours_in_a_process_of_another_ones_settings(
    home: Path, first: str
) -> None:
    script = (
        f"import {first}, keras, tensorflow as tf\n"
        "from matplotlib.figure import Figure\n"
        "c = keras.config\n"
        "print(c.backend(), c.floatx(), c.epsilon(), c.image_data_format(), \n"
        "      c.max_epochs() if hasattr(c, 'max_epochs') else None, \n"
        "      tf.executing_eagerly(), float(tf.constant(2.0) * 3))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **FOREIGN, "HOME": str(home), "PYTHONPATH": "."},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )

    wanted = "tensorflow float32 1e-07 channels_last None True 6.0\n"
    assert done.stdout == wanted, done.stderr[-3000:]
