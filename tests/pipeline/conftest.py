"""An empty workspace; a published model that tells grey squares apart, without TFX."""

from pathlib import Path

import pytest

from components.publishing.store import ModelStore
from pipeline.config import Config, load_config

NAMES = [f"grey {label}" for label in range(10)]
STEP = 25


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Of a workspace that is not there yet, with its metadata in SQLite."""
    monkeypatch.delenv("MLMD_HOST", raising=False)
    (tmp_path / "data").mkdir()
    return load_config(workspace=tmp_path / "w", data=tmp_path / "data")


@pytest.fixture(scope="session")
def grey_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel whose class is the mean pixel by ``STEP``."""
    import tensorflow as tf

    class Grey(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8)])
        def predict_pixels(self, pixels):
            mean = tf.reduce_mean(tf.cast(pixels, tf.float32), axis=[1, 2])
            levels = tf.range(10, dtype=tf.float32) * STEP
            logits = -tf.square((mean[:, None] - levels) / STEP)
            probabilities = tf.nn.softmax(4.0 * logits)
            return {
                "probabilities": probabilities,
                "class_id": tf.argmax(probabilities, axis=1),
            }

    folder = tmp_path_factory.mktemp("grey")
    model = Grey()
    signatures = {"predict_pixels": model.predict_pixels}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    return folder


@pytest.fixture
def grey_workspace(tmp_path: Path, grey_export: Path) -> Path:
    """A workspace with two versions: of unnamed classes, then of named ones."""
    facts = {
        "pipeline": "mnist",
        "run_id": "run-1",
        "digests": {"code": "c0de"},
        "metrics": None,
        "baseline": None,
        "checks": [],
        "versions": {},
    }
    store = ModelStore(tmp_path / "work" / "serving" / "mnist")
    store.publish(grey_export, facts)
    store.publish(grey_export, {**facts, "classes": NAMES})
    return tmp_path / "work"
