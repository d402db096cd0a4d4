"""Each planted defect fails its own checks; a good model passes them all."""

from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
import tensorflow as tf

from components.checks import Check
from components.gate_settings import ServingCheckSettings
from components.serving.observations import (
    Observations,
    ProbeEnd,
    read_observations,
)
from components.serving.probe import call_each, probe
from components.serving.requests import SIGNATURES, Reference
from components.serving.verdict import judge
from tests.components.serving.models import (
    Answer,
    Change,
    reference,
    save_model,
    wait,
)

SETTINGS = ServingCheckSettings()
GOOD_END = ProbeEnd(seconds=5.0, exit_code=0)
ROWS = 65  # One image, then the batch.


def observe(export: Path) -> Observations:
    ended, doing = {}, None

    def record(line) -> None:
        nonlocal doing
        doing = line["slice"], line["step"]
        if line["state"] == "ended":
            ended[doing] = line

    probe(export, lambda m, write: call_each(m, reference().images, write), record)
    return Observations(ended, doing)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Observations:
    return observe(save_model(tmp_path_factory.mktemp("good")))


def verdict(
    observations: Observations,
    end: ProbeEnd = GOOD_END,
    size: float = 1.0,
    reference: Reference = reference(),  # noqa: B008
    settings: ServingCheckSettings = SETTINGS,
    changed: tuple[str, ...] = (),
) -> list[Check]:
    return judge(observations, end, size, changed, reference, settings)


def failed(checks: list[Check]) -> dict[tuple[str, str], float | str | None]:
    """Values of failed checks by name and slice; each says what to do."""
    for check in checks:
        assert check.gate == "serving"
        assert check.policy == "error"
        assert bool(check.advice) == (not check.passed)
    return {(c.name, c.slice): c.value for c in checks if not c.passed}


def on_pixels(**values) -> dict[tuple[str, str], object]:
    return {(name, "predict_pixels"): value for name, value in values.items()}


def test_a_good_model_passes_every_check(good: Observations) -> None:
    checks = verdict(good)

    assert failed(checks) == {}
    of_signatures = [
        "has the signature",
        "takes the input",
        "answers one image",
        "answers a batch",
        "answers an empty batch",
        "values not finite",
        "values outside [0, 1]",
        "distance of sums from 1",
        "class_id not the arg max",
        "difference from the Trainer",
        "first call in s",
        "latency in ms",
    ]
    of_export = ["size in MB", "answers in time", "does not crash"]
    of_export += ["operations that servers lack", "reads from outside"]
    of_export += ["writes files", "kept for later requests", "time or chance", "loads"]
    odd = {
        "serving_default": ["refuses an example without its image"],
        "predict_pixels": [],
        "predict_image": [
            "wrong rows of unreadable pictures",
            "other answers to a large PNG",
            "other answers to a large JPEG",
        ],
    }
    assert [(check.slice, check.name) for check in checks] == [
        *(("export", name) for name in of_export),
        *(
            (part, name)
            for part in SIGNATURES
            for name in [*of_signatures[:-2], *odd[part], *of_signatures[-2:]]
        ),
    ]


def test_values_and_bounds_of_a_good_model(good: Observations) -> None:
    checks = {(check.name, check.slice): check for check in verdict(good)}

    def numbers(name: str, part: str = "predict_pixels") -> tuple:
        return checks[name, part].value, checks[name, part].bound

    outputs = "class_id int64 [64], probabilities float32 [64, 10]"
    assert numbers("answers a batch") == (outputs, outputs)
    assert numbers("takes the input") == ("pixels uint8 [?, 28, 28]",) * 2
    assert numbers("values not finite") == (0, 0)
    assert numbers("distance of sums from 1") == (pytest.approx(0, abs=1e-6), 1e-4)
    assert numbers("difference from the Trainer")[1] == SETTINGS.max_difference
    assert 0 < numbers("latency in ms")[0] < numbers("latency in ms")[1] == 100
    assert numbers("answers in time", "export") == (5.0, SETTINGS.timeout)
    assert numbers("size in MB", "export") == (1.0, SETTINGS.max_size)


def scaled(answer: Answer) -> Answer:
    return {**answer, "probabilities": answer["probabilities"] * 0.75}


def logits(answer: Answer) -> Answer:
    """Sums to one, with a value over 1 and one below 0 in each row."""
    row = tf.constant([[1.5, -0.5] + [0.0] * 8])
    rows = tf.repeat(row, tf.shape(answer["class_id"])[0], axis=0)
    return {"probabilities": rows, "class_id": tf.argmax(rows, axis=1)}


def not_a_number(answer: Answer) -> Answer:
    probabilities = answer["probabilities"]
    nan = tf.where(probabilities >= 0, np.nan, probabilities)
    return {**answer, "probabilities": nan}


def least_likely(answer: Answer) -> Answer:
    return {**answer, "class_id": tf.argmin(answer["probabilities"], axis=1)}


def impossible_class(answer: Answer) -> Answer:
    return {**answer, "class_id": answer["class_id"] + 10}


def swapped_classes(answer: Answer) -> Answer:
    swapped = tf.reverse(answer["probabilities"], [1])
    return {"probabilities": swapped, "class_id": tf.argmax(swapped, axis=1)}


def slightly_off(answer: Answer) -> Answer:
    off = tf.constant([0.01, -0.01] + [0.0] * 8)
    moved = answer["probabilities"] + off
    return {"probabilities": moved, "class_id": tf.argmax(moved, axis=1)}


SUMS, DIFFERENCE = "distance of sums from 1", "difference from the Trainer"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (scaled, {SUMS: pytest.approx(0.25, abs=1e-6), DIFFERENCE: ...}),
        (logits, {"values outside [0, 1]": 2 * ROWS, DIFFERENCE: ...}),
        (not_a_number, {"values not finite": 10 * ROWS}),
        (least_likely, {"class_id not the arg max": ROWS}),
        (impossible_class, {"class_id not the arg max": ROWS}),
        (swapped_classes, {DIFFERENCE: ...}),
        (slightly_off, {DIFFERENCE: pytest.approx(0.01, abs=1e-6)}),
        (lambda answer: wait(answer, 0.5), {"latency in ms": ...}),
    ],
)
def test_wrong_values_fail(tmp_path: Path, change: Change, expected: dict) -> None:
    seen = failed(verdict(observe(save_model(tmp_path, change))))
    # It waits by the clock.
    seen.pop(("time or chance", "export"), None)

    assert set(seen) == set(on_pixels(**expected))
    for name, value in expected.items():
        if value is not ...:
            assert seen[name, "predict_pixels"] == value
    if "latency in ms" in expected:
        assert 150 <= seen["latency in ms", "predict_pixels"] < 1000


def without_class_id(answer: Answer) -> Answer:
    return {"probabilities": answer["probabilities"]}


def renamed(answer: Answer) -> Answer:
    return {"digit": answer["class_id"], "probabilities": answer["probabilities"]}


def nine_classes(answer: Answer) -> Answer:
    return {**answer, "probabilities": answer["probabilities"][:, :9]}


def int32_class(answer: Answer) -> Answer:
    return {**answer, "class_id": tf.cast(answer["class_id"], tf.int32)}


def column(answer: Answer) -> Answer:
    return {**answer, "class_id": answer["class_id"][:, None]}


def first_only(answer: Answer) -> Answer:
    return {name: tensor[:1] for name, tensor in answer.items()}


def text(answer: Answer) -> Answer:
    return {**answer, "probabilities": tf.as_string(answer["probabilities"])}


@pytest.mark.parametrize(
    ("change", "describe"),
    [
        (without_class_id, "probabilities float32 [{n}, 10]"),
        (renamed, "digit int64 [{n}], probabilities float32 [{n}, 10]"),
        (nine_classes, "class_id int64 [{n}], probabilities float32 [{n}, 9]"),
        (int32_class, "class_id int32 [{n}], probabilities float32 [{n}, 10]"),
        (column, "class_id int64 [{n}, 1], probabilities float32 [{n}, 10]"),
        (text, "class_id int64 [{n}], probabilities string [{n}, 10]"),
    ],
)
def test_wrong_outputs_fail_for_any_number_of_images(
    tmp_path: Path, change: Change, describe: str
) -> None:
    seen = failed(verdict(observe(save_model(tmp_path, change))))

    sizes = {"one image": 1, "a batch": 64, "an empty batch": 0}
    assert seen == {
        (f"answers {step}", "predict_pixels"): describe.format(n=count)
        for step, count in sizes.items()
    }


def test_an_answer_to_the_first_image_alone_fails_for_the_batch(
    tmp_path: Path,
) -> None:
    seen = failed(verdict(observe(save_model(tmp_path, first_only))))

    assert seen == {
        ("answers a batch", "predict_pixels"): (
            "class_id int64 [1], probabilities float32 [1, 10]"
        )
    }


def test_outputs_that_nobody_asked_for_do_no_harm(tmp_path: Path) -> None:
    export = save_model(tmp_path, lambda answer: {**answer, "extra": tf.zeros([2])})

    assert failed(verdict(observe(export))) == {}


@pytest.mark.parametrize("missing", SIGNATURES)
def test_a_missing_signature_fails(tmp_path: Path, missing: str) -> None:
    names = [name for name in SIGNATURES if name != missing]

    checks = verdict(observe(save_model(tmp_path, signatures=names)))

    assert failed(checks) == {("has the signature", missing): "missing"}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (tf.TensorSpec([None, 784], tf.uint8, "pixels"), "pixels uint8 [?, 784]"),
        (tf.TensorSpec([1, 28, 28], tf.uint8, "pixels"), "pixels uint8 [1, 28, 28]"),
        (
            tf.TensorSpec([None, 28, 28], tf.float32, "pixels"),
            "pixels float32 [?, 28, 28]",
        ),
        (
            tf.TensorSpec([None, 28, 28], tf.uint8, "image"),
            "image uint8 [?, 28, 28]",
        ),
        (tf.TensorSpec(None, tf.uint8, "pixels"), "pixels uint8 of any rank"),
    ],
)
def test_a_wrong_input_fails_and_its_answers_are_not_looked_at(
    tmp_path: Path, spec: tf.TensorSpec, value: str
) -> None:
    checks = verdict(observe(save_model(tmp_path, pixels_spec=spec)))

    assert failed(checks) == on_pixels(**{"takes the input": value})


def test_what_does_not_load_fails_with_the_error(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"garbage")

    [(check, value)] = failed(verdict(observe(tmp_path))).items()

    assert check == ("loads", "export")
    assert "Error: " in value


def test_a_large_export_fails(good: Observations) -> None:
    assert failed(verdict(good, size=200.5)) == {("size in MB", "export"): 200.5}


def test_bounds_are_those_of_the_settings(good: Observations) -> None:
    strict = ServingCheckSettings(
        max_first_call=1e-9,
        max_latency=1e-9,
        max_size=0.5,
        max_difference=0.0,
        timeout=4.0,
    )
    off = reference().probabilities + np.float32(1e-3)
    shifted = reference()._replace(probabilities=off)

    names = {name for name, _ in failed(verdict(good, reference=shifted))}
    strictly = failed(verdict(good, reference=shifted, settings=strict))

    assert names == {DIFFERENCE}
    assert {name for name, _ in strictly} == {
        "first call in s",
        "latency in ms",
        "size in MB",
        DIFFERENCE,
        "answers in time",
    }


def test_a_slow_first_call_warns_before_it_stops(good: Observations) -> None:
    key = ("predict_pixels", "one image")
    for seconds, policy, bound in ((6.0, "warn", 5.0), (16.0, "error", 15.0)):
        slow = {**good.ended, key: {**good.ended[key], "seconds": seconds}}

        [check] = [c for c in verdict(attrs.evolve(good, ended=slow)) if not c.passed]

        assert (check.name, check.slice) == ("first call in s", "predict_pixels")
        assert (check.value, check.policy, check.bound) == (seconds, policy, bound)
        assert "serving_check.max_first_call" in check.advice


def found(good: Observations, **operations: list[str]) -> Observations:
    """What is seen of a model that holds these operations."""
    key = ("export", "operations")
    seen = {**good.ended[key]["seen"], **operations}
    return attrs.evolve(
        good, ended={**good.ended, key: {**good.ended[key], "seen": seen}}
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("foreign", "operations that servers lack"),
        ("reads", "reads from outside"),
        ("writes", "writes files"),
    ],
)
def test_operations_that_no_server_has_or_that_reach_outside_fail(
    good: Observations, kind: str, name: str
) -> None:
    seen = failed(verdict(found(good, **{kind: ["A of a", "B of b"]})))

    assert seen == {(name, "export"): "A of a, B of b"}


def test_files_that_changed_fail(good: Observations) -> None:
    seen = failed(verdict(good, changed=("export/log",)))

    assert seen == {("writes files", "export"): "export/log"}


def test_operations_that_cannot_be_read_fail_although_the_model_loads(good) -> None:
    key = ("export", "operations")
    line = {"error": "KeyError: x", "seconds": 0.0}

    seen = failed(verdict(attrs.evolve(good, ended={**good.ended, key: line})))

    assert seen == {("operations that servers lack", "export"): "KeyError: x"}


def test_a_reference_of_nan_is_a_difference_that_could_not_be_computed(
    good: Observations,
) -> None:
    nan = reference()._replace(probabilities=np.full((64, 10), np.nan, np.float32))

    assert failed(verdict(good, reference=nan)) == {
        (DIFFERENCE, name): None for name in SIGNATURES
    }


def up_to(good: Observations, part: str, step: str) -> Observations:
    """What is seen of a model that hangs or crashes in that step."""
    keys = list(good.ended)
    kept = keys[: keys.index((part, step))]
    return Observations({key: good.ended[key] for key in kept}, (part, step))


def test_a_model_that_hangs_fails_where_it_hung(good: Observations) -> None:
    hung = up_to(good, "predict_pixels", "a batch")

    checks = verdict(hung, ProbeEnd(seconds=60.1, exit_code=None))

    assert failed(checks) == {("answers in time", "predict_pixels"): 60.1}
    [check] = [check for check in checks if check.name == "answers in time"]
    assert check.bound == 60.0
    assert check.advice.startswith("It was killed while it was busy with a batch.")
    names = [check.name for check in checks if check.slice == "predict_pixels"]
    assert names[-3:] == ["takes the input", "answers one image", "first call in s"]


@pytest.mark.parametrize(
    ("code", "line", "value"),
    [
        (-11, "", "signal 11 during a batch"),
        (-9, "some line", "signal 9 during a batch: some line"),
        (1, "MemoryError: no", "exit 1 during a batch: MemoryError: no"),
        (0, "", "exit 0 during a batch"),
    ],
)
def test_a_crash_fails_where_it_crashed(good, code: int, line: str, value) -> None:
    crashed = up_to(good, "predict_image", "a batch")

    checks = verdict(crashed, ProbeEnd(4.0, code, line))

    assert failed(checks) == {("does not crash", "predict_image"): value}


def test_a_probe_that_never_began_fails() -> None:
    nothing = Observations({})

    assert failed(verdict(nothing, ProbeEnd(60.1, None))) == {
        ("answers in time", "export"): 60.1
    }
    assert failed(verdict(nothing, ProbeEnd(1.0, 1, "no module"))) == {
        ("does not crash", "export"): "exit 1 during starting: no module"
    }


@pytest.mark.parametrize(
    "ruin",
    [
        pytest.param(lambda end: attrs.evolve(end, exit_code=1), id="late crash"),
        pytest.param(lambda end: attrs.evolve(end, exit_code=None), id="late hang"),
    ],
)
def test_a_bad_end_fails_whatever_was_seen(
    good: Observations, ruin: Callable[[ProbeEnd], ProbeEnd]
) -> None:
    assert len(failed(verdict(good, ruin(GOOD_END)))) == 1


def test_observations_are_read_up_to_a_line_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "observations.jsonl"
    assert read_observations(file) == Observations({})
    begun = '{"slice": "a", "step": "b", "state": "begun"}\n'
    ended = '{"slice": "a", "step": "b", "state": "ended", "seen": 1}\n'
    other = '{"slice": "c", "step": "d", "state": "begun"}\n'
    file.write_text(begun + ended + other + ended[:-20])

    observations = read_observations(file)

    assert observations.doing == ("c", "d")
    assert set(observations.ended) == {("a", "b")}
    assert observations.seen("a", "b") == 1
    assert observations.seen("c", "d") is None
