"""Turns what the serving probe saw into checks; ServingCheck calls ``judge``."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from components.checks import Check, Direction
from components.features import CLASS_ID, PROBABILITIES
from components.gate_settings import ServingCheckSettings
from components.gates import SERVING
from components.serving.probe import (
    BATCH,
    EMPTY,
    EXPORT,
    FINISHED,
    INPUTS,
    LATENCY,
    LOADING,
    ONE,
)
from components.serving.requests import SIGNATURES, Reference, signature_input

MAX_SUM_ERROR = 1e-4

_ADVICE = {
    "loads": "Load the export with tf.saved_model.load to see the whole error. "
    "components/serving/signatures.py writes it.",
    "answers in time": "Value and bound are seconds. Call that signature by hand to "
    "see why it does not return, or raise serving_check.timeout if this machine is "
    "slow or was busy: with the same timeout this answer is cached.",
    "does not crash": "The node's log holds all that the process wrote. A killed "
    "process often means too little memory.",
    "has the signature": "Clients call it by this name. Name it in export_model of "
    "components/serving/signatures.py.",
    "takes the input": "Clients send this name, dtype and shape. Give the signature "
    "that input_signature in components/serving/signatures.py.",
    "answers": "Clients read these outputs. Make the signature return them in "
    "components/serving/signatures.py, for any number of images.",
    "values not finite": "Weights or inputs hold NaN or infinity. See the "
    "Trainer's loss in TensorBoard and lower train.learning_rate.",
    "values outside [0, 1]": "Return softmax, not logits, in "
    "components/serving/signatures.py.",
    "distance of sums from 1": "Return softmax over the "
    "classes in components/serving/signatures.py.",
    "class_id not the arg max": "Take class_id from the same probabilities that "
    "the signature returns, in components/serving/signatures.py.",
    "difference from the Trainer": "The export does not compute what was trained. "
    "Compare the preprocessing of components/serving/signatures.py with that of "
    "components/training/trainer.py, and the order of the classes.",
    "latency in ms": "Profile the signature, train a smaller model, or raise "
    "serving_check.max_latency.",
    "size in MB": "Train a smaller model (model.hidden_units), look for what else "
    "the export holds, or raise serving_check.max_size.",
}


@attrs.frozen
class ProbeEnd:
    """How the probe's process ended.

    Attributes:
      seconds: wall time from its start.
      exit_code: of the process, negative for a signal; None where it was killed
        because its time was up.
      last_line: the last that it wrote, but for TensorFlow's notes.
    """

    seconds: float
    exit_code: int | None
    last_line: str = ""


@attrs.frozen
class Observations:
    """What the probe wrote.

    Attributes:
      ended: the line of each step that ended, by slice and step.
      doing: slice and step of the last line; None before the first.
    """

    ended: Mapping[tuple[str, str], Mapping[str, Any]]
    doing: tuple[str, str] | None = None

    def seen(self, part: str, step: str) -> Any:
        """Returns what a step saw; None where it failed or did not end."""
        return self.ended.get((part, step), {}).get("seen")


def read_observations(file: Path) -> Observations:
    """Reads the probe's lines; a last one that is cut off does not count."""
    ended, doing = {}, None
    for text in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            break
        doing = line["slice"], line["step"]
        if line["state"] == "ended":
            ended[doing] = line
    return Observations(ended, doing)


def judge(
    observations: Observations,
    end: ProbeEnd,
    size: float,
    reference: Reference,
    settings: ServingCheckSettings,
) -> list[Check]:
    """Makes every check that the observations allow.

    Where one fails, those that rest on it are left out: what does not load has no
    signatures, and probabilities that are not finite have no sum.

    Args:
      observations: of the probe.
      end: of its process.
      size: of the export in megabytes.
      reference: the Trainer's own predictions of the same images.
      settings: the bounds.
    """
    checks = [
        _at_most("size in MB", EXPORT, size, settings.max_size),
        *_process_checks(observations, end, settings.timeout),
    ]
    loading = observations.ended.get((EXPORT, LOADING))
    if loading is None:
        return checks
    signatures = loading.get("seen")
    checks.append(_equal("loads", EXPORT, loading.get("error", "loads"), "loads"))
    if signatures is None:
        return checks
    for name in SIGNATURES:
        value = "present" if name in signatures else "missing"
        checks.append(_equal("has the signature", name, value, "present"))
        if value == "present":
            checks += _signature_checks(observations, name, reference, settings)
    return checks


def _process_checks(
    observations: Observations, end: ProbeEnd, timeout: float
) -> Iterator[Check]:
    part, step = observations.doing or (EXPORT, "starting")
    if end.exit_code is None:
        advice = f"It was killed while it was busy with {step}."
        name = "answers in time"
        yield _check(name, part, end.seconds, timeout, False, "at most", advice)
        return
    yield _at_most("answers in time", EXPORT, end.seconds, timeout)
    finished = end.exit_code == 0 and step == FINISHED
    value = "no crash" if finished else _describe_crash(end, step)
    yield _equal("does not crash", EXPORT if finished else part, value, "no crash")


def _describe_crash(end: ProbeEnd, step: str) -> str:
    code = end.exit_code or 0
    how = f"signal {-code}" if code < 0 else f"exit {code}"
    return f"{how} during {step}: {end.last_line}".rstrip(": ")


def _signature_checks(
    observations: Observations,
    name: str,
    reference: Reference,
    settings: ServingCheckSettings,
) -> Iterator[Check]:
    """Yields the checks of one signature, up to the first step that did not end."""
    expected = signature_input(name, reference.images.shape[1:])
    classes = reference.probabilities.shape[1]
    bound = _describe({expected.name: expected._asdict()})
    made = []
    for step, count in ((ONE, 1), (BATCH, len(reference.images)), (EMPTY, 0)):
        line = observations.ended.get((name, step))
        if line is not None:
            made.append(_answer_check(name, step, line, count, classes))
    line = observations.ended.get((name, INPUTS))
    if line is None:
        return
    takes = _equal("takes the input", name, _value(line), bound)
    yield takes
    # Answers to a request that does not fit say nothing more.
    if not takes.passed:
        return
    yield from made
    if len(made) == 3 and all(check.passed for check in made):
        yield from _probability_checks(observations, name, reference, settings)
    latencies = observations.seen(name, LATENCY)
    if latencies is not None:
        median = float(np.median(latencies))
        yield _at_most("latency in ms", name, median, settings.max_latency)


def _answer_check(
    name: str, step: str, line: Mapping[str, Any], count: int, classes: int
) -> Check:
    wanted = {
        CLASS_ID: {"dtype": "int64", "shape": [count]},
        PROBABILITIES: {"dtype": "float32", "shape": [count, classes]},
    }
    seen = line.get("seen") or {}
    passed = all(
        key in seen and _describe({key: seen[key]}) == _describe({key: output})
        for key, output in wanted.items()
    )
    return _check(f"answers {step}", name, _value(line), _describe(wanted), passed)


def _probability_checks(
    observations: Observations,
    name: str,
    reference: Reference,
    settings: ServingCheckSettings,
) -> Iterator[Check]:
    """Yields the checks of the values, of one image and of the batch together."""
    probabilities, class_id = (
        np.concatenate(
            [observations.seen(name, step)[key]["values"] for step in (ONE, BATCH)]
        )
        for key in (PROBABILITIES, CLASS_ID)
    )
    expected = np.concatenate([reference.probabilities[:1], reference.probabilities])
    finite = np.isfinite(probabilities)
    yield _at_most("values not finite", name, int((~finite).sum()), 0)
    if not finite.all():
        return
    outside = (probabilities < 0) | (probabilities > 1)
    yield _at_most("values outside [0, 1]", name, int(outside.sum()), 0)
    off = np.abs(probabilities.sum(axis=1) - 1).max()
    yield _at_most("distance of sums from 1", name, float(off), MAX_SUM_ERROR)
    # Of classes that tie, each is an arg max.
    chosen = class_id[:, None] == np.arange(expected.shape[1])
    best = probabilities == probabilities.max(axis=1, keepdims=True)
    wrong = int((~(chosen & best).any(axis=1)).sum())
    yield _at_most("class_id not the arg max", name, wrong, 0)
    difference = float(np.abs(probabilities - expected).max())
    yield _at_most(
        "difference from the Trainer", name, difference, settings.max_difference
    )


def _value(line: Mapping[str, Any]) -> str:
    return line["error"] if "error" in line else _describe(line["seen"])


def _describe(tensors: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns ``name dtype [shape]`` of each, in the order of their names."""
    return (
        ", ".join(
            f"{name} {tensor['dtype']} {_shape(tensor['shape'])}"
            for name, tensor in sorted(tensors.items())
        )
        or "nothing"
    )


def _shape(shape: list[int | None] | None) -> str:
    if shape is None:
        return "of any rank"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _at_most(name: str, part: str, value: float, bound: float) -> Check:
    if not math.isfinite(value):
        return _check(name, part, None, bound, False, "at most")
    return _check(name, part, value, bound, value <= bound, "at most")


def _equal(name: str, part: str, value: str, bound: str) -> Check:
    return _check(name, part, value, bound, value == bound)


def _check(
    name: str,
    part: str,
    value: float | str | None,
    bound: float | str,
    passed: bool,
    direction: Direction = "",
    cause: str = "",
) -> Check:
    kind = "answers" if name not in _ADVICE else name
    advice = "" if passed else f"{cause} {_ADVICE[kind]}".lstrip()
    return Check(
        SERVING.id,
        name,
        part,
        value,
        bound,
        passed,
        advice=advice,
        direction=direction,
    )
