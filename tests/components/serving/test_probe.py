"""What the probe writes about models, and what it needs and outlives."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.serving.probe import call_each, probe
from components.serving.requests import SIGNATURES, signature_input, write_reference
from components.serving.steps import Write, error_line
from tests.components.serving.models import hang_on_batches, reference, save_model

pytestmark = pytest.mark.slow

IMAGES = reference().images[:2]
STEPS = ["inputs", "one image", "a batch", "an empty batch", "latency"]


def lines(export: Path) -> list[dict[str, Any]]:
    """Lines as a reader gets them, through JSON."""
    written: list[str] = []

    def use(model: Any, write: Write) -> None:
        call_each(model, IMAGES, write)

    probe(export, use, lambda line: written.append(json.dumps(line)))
    return [json.loads(text) for text in written]


def ended(export: Path) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (line["slice"], line["step"]): line
        for line in lines(export)
        if line["state"] == "ended"
    }


def test_each_step_begins_and_ends_in_order(tmp_path: Path) -> None:
    steps = [("export", "operations"), ("export", "loading")]
    odd = {
        "serving_default": ["an example without its image"],
        "predict_image": ["unreadable pictures", "pictures in other formats"],
    }
    for name in SIGNATURES:
        steps += [(name, step) for step in [*STEPS, *odd.get(name, [])]]
    expected = [(*step, state) for step in steps for state in ("begun", "ended")]

    seen = [
        (line["slice"], line["step"], line["state"])
        for line in lines(save_model(tmp_path))
    ]

    assert seen == [*expected, ("export", "finished", "ended")]


def test_what_a_good_model_shows(tmp_path: Path) -> None:
    found = ended(save_model(tmp_path))
    incomplete = found.pop(("serving_default", "an example without its image"))
    assert "Feature: image (data type: int64) is required" in incomplete["error"]
    seen = {key: line["seen"] for key, line in found.items()}

    kinds = ("foreign", "reads", "writes", "keeps", "chance")
    assert seen["export", "operations"] == {kind: [] for kind in kinds}
    assert seen["export", "loading"] == sorted(SIGNATURES)
    for name in SIGNATURES:
        argument, dtype, shape = signature_input(name, (28, 28))
        assert seen[name, "inputs"] == {
            argument: {"dtype": dtype, "shape": list(shape)}
        }
        for step, count in (("one image", 1), ("a batch", 2), ("an empty batch", 0)):
            answer = seen[name, step]
            assert answer["probabilities"]["shape"] == [count, 10]
            assert answer["probabilities"]["dtype"] == "float32"
            assert answer["class_id"]["dtype"] == "int64"
            np.testing.assert_allclose(
                np.reshape(answer["probabilities"]["values"], [count, 10]),
                reference().probabilities[:count],
                rtol=1e-5,
            )
            assert answer["class_id"]["values"] == (
                reference().probabilities[:count].argmax(axis=1).tolist()
            )
        assert len(seen[name, "latency"]) == 30
        assert min(seen[name, "latency"]) > 0


def test_what_odd_models_show(tmp_path: Path) -> None:
    """Answers of any type and size are described; large ones without values."""
    export = save_model(
        tmp_path,
        change=lambda answer: {
            "text": tf.constant(["a", "b"]),
            "huge": tf.zeros([1, 200_000]),
            "half": tf.constant(0.5, tf.bfloat16),
            "nan": tf.constant([float("nan")]),
        },
    )

    answer = ended(export)["predict_pixels", "one image"]["seen"]

    assert str(answer["nan"].pop("values")) == "[nan]"
    answer["half"].pop("values", None)
    assert answer == {
        "text": {"dtype": "string", "shape": [2]},
        "huge": {"dtype": "float32", "shape": [1, 200_000]},
        "half": {"dtype": "bfloat16", "shape": []},
        "nan": {"dtype": "float32", "shape": [1]},
    }


def test_a_call_that_fails_is_one_line_and_the_next_one_is_made(
    tmp_path: Path,
) -> None:
    def refuse_batches(answer):
        few = tf.debugging.assert_less(tf.size(answer["class_id"]), 2, "one at a time")
        with tf.control_dependencies([few]):
            return {key: tf.identity(tensor) for key, tensor in answer.items()}

    seen = ended(save_model(tmp_path, change=refuse_batches))

    error = seen["predict_pixels", "a batch"]["error"]
    assert error.startswith("InvalidArgumentError: ")
    assert "one at a time" in error
    assert "\n" not in error
    assert "seen" in seen["predict_pixels", "an empty batch"]


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_what_is_no_saved_model_does_not_load(tmp_path: Path, content) -> None:
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)

    seen = ended(tmp_path)

    steps = ["operations", "loading", "finished"]
    assert list(seen) == [("export", step) for step in steps]
    assert "Error: " in seen["export", "loading"]["error"] or content == b""


def test_an_error_loses_tensorflows_frame() -> None:
    error = ValueError(
        "Graph execution error:\n\nDetected at node a/b defined at (most recent call "
        "last):\n<stack traces unavailable>\nNo such image.\n\t [[{{node a/b}}]] [Op:f]"
    )

    assert error_line(error) == "ValueError: No such image."
    assert error_line(KeyError()) == "KeyError: "
    assert len(error_line(ValueError("long " * 999))) == 300


def test_it_needs_tensorflow_alone_and_ends_by_itself(tmp_path: Path) -> None:
    """Nobody is left to kill it, when the node was killed."""
    export = save_model(tmp_path / "export", change=hang_on_batches)
    write_reference(tmp_path, reference())
    code = (
        "import sys\n"
        "import components.serving.probe\n"
        "ours = {n for n in sys.modules if n.startswith('components.')}\n"
        "print(sorted(ours), {'tfx', 'tensorflow_transform', 'apache_beam',"
        " 'tensorflow_serving'} & set(sys.modules), flush=True)\n"
        "components.serving.probe.main()\n"
    )
    request = {
        "folder": str(export.parent),
        "user": None,
        "max_batch": None,
        "model_run": str(tmp_path),
        "observations": str(tmp_path / "observations.jsonl"),
        "seconds": 4,
    }

    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(request) + "\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
    )

    modules = ["features", "garbage", "own_environment", "plain_paths", "serving"]
    parts = ["isolation", "operations", "probe", "requests", "steps", "stress"]
    modules += [f"serving.{part}" for part in parts]
    assert done.stdout == f"{[f'components.{name}' for name in modules]} set()\n"
    assert done.returncode == -signal.SIGALRM
    last = (tmp_path / "observations.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["state"] == "begun"


def test_it_ends_when_nobody_asks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "components.serving.probe"],
        stdin=subprocess.DEVNULL,
        timeout=120,
    )

    assert done.returncode == 0
