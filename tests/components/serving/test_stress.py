"""What the stress test measures of good models and of ones with planted defects."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.checks import Check
from components.gate_settings import ServingCheckSettings
from components.serving.observations import Observations, ProbeEnd
from components.serving.probe import call_each
from components.serving.steps import Write
from components.serving.stress import (
    batch_sizes,
    memory_growth,
    odd_pictures,
    stress,
)
from components.serving.stress_verdict import judge_stress
from components.serving.verdict import judge
from tests.components.serving.models import (
    Answer,
    Change,
    classify,
    reference,
    save_model,
    unchanged,
)

SETTINGS = ServingCheckSettings()
GOOD_END = ProbeEnd(seconds=5.0, exit_code=0)
ONLY = "predict_pixels"


def observe(model: Any, use: Callable[[Any, Write], None]) -> Observations:
    ended = {}

    def record(line: dict[str, Any]) -> None:
        line = json.loads(json.dumps(line))
        if line["state"] == "ended":
            ended[line["slice"], line["step"]] = line

    record({"slice": "export", "step": "loading", "state": "ended", "seen": [ONLY]})
    use(model, record)
    record({"slice": "export", "step": "finished", "state": "ended", "seen": True})
    return Observations(ended, ("export", "finished"))


def checks_of(export: Path, max_batch: int = 5000) -> dict[str, Check]:
    """The checks of the stress test of an export with predict_pixels alone, by name."""
    images = reference().images
    model, other = (tf.saved_model.load(str(export)) for _ in range(2))
    first = observe(model, lambda m, write: call_each(m, images, write))
    stressed = observe(other, lambda m, write: stress(m, images, max_batch, write))
    settings = ServingCheckSettings(max_batch=max_batch)
    made = judge(first, GOOD_END, 1.0, (), reference(), settings)
    checks = judge_stress(first, stressed, GOOD_END, made, reference(), settings)
    assert {check.slice for check in checks} == {"export", ONLY}
    return {check.name: check for check in checks}


def changed(folder: Path, change: Change) -> Path:
    return save_model(folder, change, signatures=[ONLY])


def bad(checks: dict[str, Check]) -> dict[str, Check]:
    """The checks that failed; each says what to do."""
    seen = {name: check for name, check in checks.items() if not check.passed}
    assert all(check.advice for check in seen.values())
    return seen


@pytest.mark.slow
def test_a_good_model_passes_every_check(tmp_path: Path) -> None:
    checks = checks_of(changed(tmp_path, unchanged))

    assert bad(checks) == {}
    assert list(checks) == [
        "answers in time, many requests",
        "does not crash, many requests",
        "difference between calls",
        "memory growth in MB",
        "values not finite on the blank picture",
        "values not finite on the full picture",
        "values not finite on the noisy picture",
        "answers 2 images",
        "answers 64 images",
        "answers 1,000 images",
        "answers 5,000 images",
        "distance of sums from 1, many requests",
        "difference between batches",
        "difference between processes",
    ]
    assert checks["answers in time, many requests"].bound == 3 * SETTINGS.timeout


def with_probabilities(answer: Answer, probabilities: tf.Tensor) -> Answer:
    return {"probabilities": probabilities, "class_id": answer["class_id"]}


def moved(answer: Answer, by: tf.Tensor) -> Answer:
    """Moves some of the probability of class 1 to class 0."""
    off = by * tf.constant([1.0, -1.0] + [0.0] * 8)
    return with_probabilities(answer, answer["probabilities"] + off)


def by_chance(most: float) -> Change:
    return lambda answer: moved(answer, tf.random.uniform([], 0.0, most))


def by_the_batch(answer: Answer) -> Answer:
    mean = tf.reduce_mean(answer["probabilities"], axis=0)
    return with_probabilities(
        answer, tf.nn.softmax(tf.math.log(answer["probabilities"]) - mean)
    )


def up_to_1024(answer: Answer) -> Answer:
    few = tf.debugging.assert_less_equal(tf.size(answer["class_id"]), 1024, "too many")
    with tf.control_dependencies([few]):
        return {key: tf.identity(tensor) for key, tensor in answer.items()}


def not_a_number_if_even(answer: Answer) -> Answer:
    """As a division by the contrast does, on pictures that have none."""
    flat = tf.math.reduce_std(answer["probabilities"], axis=1, keepdims=True) < 1e-6
    return with_probabilities(answer, tf.where(flat, np.nan, answer["probabilities"]))


def first_1024(answer: Answer) -> Answer:
    return {key: tensor[:1024] for key, tensor in answer.items()}


CALLS, BATCHES = "difference between calls", "difference between batches"
PROCESSES = "difference between processes"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (by_chance(0.05), {CALLS: ("error", ...), BATCHES: ..., PROCESSES: ...}),
        (by_chance(5e-5), {CALLS: ("warn", ...), BATCHES: ..., PROCESSES: ...}),
        (by_the_batch, {BATCHES: ("error", ...)}),
        (
            up_to_1024,
            {"answers 5,000 images": ("error", "InvalidArgumentError: assertion")},
        ),
        (first_1024, {"answers 5,000 images": ("error", "class_id int64 [1024]")}),
        (
            not_a_number_if_even,
            {
                "values not finite on the blank picture": ("error", 10),
                "values not finite on the full picture": ("error", 10),
                BATCHES: ("error", None),
            },
        ),
    ],
)
def test_planted_defects_fail(tmp_path: Path, change: Change, expected: dict) -> None:
    seen = bad(checks_of(changed(tmp_path, change)))

    # One answer of each process may be alike by chance.
    assert set(expected) - {PROCESSES} <= set(seen) <= set(expected)
    for name, wanted in expected.items():
        if wanted is not ...:
            policy, value = wanted
            assert seen[name].policy == policy
            if isinstance(value, str):
                assert value in seen[name].value
            elif value is not ...:
                assert seen[name].value == value


class Counting(tf.Module):
    """A model whose calls leave something behind.

    Args:
      step: what each call adds to the answers.
      leak: float32 values that each call adds to a table.
    """

    def __init__(self, step: float = 0.0, leak: int = 0) -> None:
        super().__init__()
        self.calls = tf.Variable(0, dtype=tf.int64)
        self.step, self.leak = step, leak
        self.kept = tf.lookup.experimental.MutableHashTable(
            tf.int64, tf.float32, tf.zeros([max(leak, 1)])
        )

    @tf.function(input_signature=[tf.TensorSpec([None, 28, 28], tf.uint8, "pixels")])
    def predict(self, pixels: tf.Tensor) -> Answer:
        count = self.calls.assign_add(1)
        if self.leak:
            self.kept.insert([count], tf.ones([1, self.leak]))
        return moved(classify(pixels), self.step * tf.cast(count, tf.float32))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kinds", "name", "policy", "least", "most"),
    [
        ({"step": 1e-6}, CALLS, "error", 5e-4, 2e-3),
        ({"step": 3e-8}, CALLS, "warn", 1e-5, 1e-4),
        ({"leak": 25_000}, "memory growth in MB", "error", 90, 130),
        ({"leak": 5_000}, "memory growth in MB", "warn", 15, 30),
    ],
)
def test_what_calls_leave_behind_fails(
    tmp_path: Path, kinds: dict, name: str, policy: str, least: float, most: float
) -> None:
    model = Counting(**kinds)
    tf.saved_model.save(model, str(tmp_path), {ONLY: model.predict})

    seen = bad(checks_of(tmp_path, max_batch=64))

    assert name in seen
    assert seen[name].policy == policy
    assert least < seen[name].value < most


def test_sizes_of_requests_end_with_the_largest() -> None:
    assert batch_sizes(5000, 784) == [2, 64, 1000, 5000]
    assert batch_sizes(1000, 784) == [2, 64, 1000]
    assert batch_sizes(300, 784) == [2, 64, 300]
    assert batch_sizes(1, 784) == [1]
    # Images of 96 by 96 pixels in three colours.
    assert batch_sizes(5000, 96 * 96 * 3) == [2, 64, 1000, 1157]


def test_odd_pictures_are_of_any_size() -> None:
    blank, full, noisy = odd_pictures((12, 8))

    assert blank.shape == full.shape == noisy.shape == (12, 8)
    assert (blank.max(), full.min()) == (0, 255)
    assert noisy.dtype == np.uint8
    assert noisy.std() > 50


def calls(growth: float, start: float = 0.0, jump: float = 0.0) -> list[float]:
    """Memory after each of 1,000 calls: a start, a leak and one jump."""
    number = np.arange(1000)
    warm = start * np.minimum(number, 100) / 100
    return list(300 + warm + growth * number + jump * (number > 500))


def test_growth_is_that_of_1000_calls() -> None:
    assert memory_growth(calls(0.1)) == pytest.approx(100)
    assert memory_growth(calls(0.1)[:200]) == pytest.approx(100)
    assert memory_growth([1.0] * 17) is None


def test_what_an_allocator_fetches_is_no_growth() -> None:
    assert memory_growth(calls(0.0)) == 0
    assert memory_growth(calls(0.0, start=80.0)) == 0
    assert memory_growth(calls(0.0, start=80.0, jump=64.0)) == 0
    assert memory_growth(calls(-0.01)) == pytest.approx(-10)


def test_a_leak_shows_although_an_allocator_takes_memory_in_pieces() -> None:
    pieces = [math.floor(value / 0.132) * 0.132 for value in calls(0.01)]

    assert 7 < memory_growth(pieces) < 11
