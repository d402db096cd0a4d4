"""Turns what the serving probe saw into checks; ServingCheck calls ``judge``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from components.checks import Check
from components.features import CLASS_ID, PROBABILITIES
from components.gate_settings import ServingCheckSettings
from components.serving.named_checks import (
    answer_check,
    at_most,
    describe_outputs,
    equal,
    graded,
    make,
)
from components.serving.observations import Observations, ProbeEnd
from components.serving.odd_requests import odd_request_checks
from components.serving.requests import SIGNATURES, Reference, signature_input
from components.serving.steps import (
    BATCH,
    EMPTY,
    EXPORT,
    FINISHED,
    INPUTS,
    LATENCY,
    LOADING,
    ONE,
    OPERATIONS,
    USER,
)

MAX_SUM_ERROR = 1e-4
NONE = "none"
SUMS = "distance of sums from 1"
_FOREIGN = "operations that servers lack"


def judge(
    observations: Observations,
    end: ProbeEnd,
    size: float,
    changed: Sequence[str],
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
      changed: files of the export that changed meanwhile.
      reference: the Trainer's own predictions of the same images.
      settings: the bounds.
    """
    checks = [
        at_most("size in MB", EXPORT, size, settings.max_size),
        *process_checks(observations, end, settings.timeout),
        *_operation_checks(observations, changed, settings),
    ]
    loading = observations.ended.get((EXPORT, LOADING))
    if loading is None:
        return checks
    signatures = loading.get("seen")
    user = observations.seen(EXPORT, USER)
    bound = f"from another folder, without a home, {user}"
    checks.append(equal("loads", EXPORT, loading.get("error", bound), bound))
    if signatures is None:
        return checks
    for name in SIGNATURES:
        value = "present" if name in signatures else "missing"
        checks.append(equal("has the signature", name, value, "present"))
        if value == "present":
            checks += _signature_checks(observations, name, reference, settings)
    return checks


def process_checks(
    observations: Observations, end: ProbeEnd, timeout: float, of: str = ""
) -> Iterator[Check]:
    """Yields the checks that a process ended, in time and well.

    Args:
      observations: of the probe.
      end: of its process.
      timeout: seconds.
      of: what it did, for the names of the checks.
    """
    part, step = observations.doing or (EXPORT, "starting")
    if end.exit_code is None:
        advice = f"It was killed while it was busy with {step}."
        name = f"answers in time{of}"
        yield make(name, part, end.seconds, timeout, False, "at most", advice)
        return
    yield at_most(f"answers in time{of}", EXPORT, end.seconds, timeout)
    finished = end.exit_code == 0 and step == FINISHED
    value = "no crash" if finished else _describe_crash(end, step)
    yield equal(f"does not crash{of}", EXPORT if finished else part, value, "no crash")


def _operation_checks(
    observations: Observations, changed: Sequence[str], settings: ServingCheckSettings
) -> Iterator[Check]:
    line = observations.ended.get((EXPORT, OPERATIONS), {})
    seen = line.get("seen")
    if seen is None:
        # What cannot be loaded either says so itself.
        if "error" in line and observations.seen(EXPORT, LOADING) is not None:
            yield equal(_FOREIGN, EXPORT, line["error"], NONE)
        return
    for name, found in (
        (_FOREIGN, seen["foreign"]),
        ("reads from outside", seen["reads"]),
        ("writes files", [*seen["writes"], *changed]),
    ):
        yield equal(name, EXPORT, ", ".join(found) or NONE, NONE)
    if settings.stateful != "off":
        for name, found in (
            ("kept for later requests", seen["keeps"]),
            ("time or chance", seen["chance"]),
        ):
            value = ", ".join(found) or NONE
            yield make(name, EXPORT, value, NONE, not found, policy=settings.stateful)


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
    bound = describe_outputs({expected.name: expected._asdict()})
    made = []
    for step, count in ((ONE, 1), (BATCH, len(reference.images)), (EMPTY, 0)):
        line = observations.ended.get((name, step))
        if line is not None:
            seen, error = line.get("seen"), line.get("error", "")
            checked = f"answers {step}"
            made.append(answer_check(checked, name, seen, error, count, classes))
    line = observations.ended.get((name, INPUTS))
    if line is None:
        return
    takes = equal("takes the input", name, _value(line), bound)
    yield takes
    # Answers to a request that does not fit say nothing more.
    if not takes.passed:
        return
    yield from made
    if len(made) == 3 and all(check.passed for check in made):
        yield from _probability_checks(observations, name, reference, settings)
        yield from odd_request_checks(observations, name, reference, settings)
    first = observations.ended.get((name, ONE))
    if first is not None:
        yield graded(
            "first call in s",
            name,
            first["seconds"],
            settings.warn_first_call,
            settings.max_first_call,
        )
    latencies = observations.seen(name, LATENCY)
    if latencies is not None:
        median = float(np.median(latencies))
        yield at_most("latency in ms", name, median, settings.max_latency)


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
    yield at_most("values not finite", name, int((~finite).sum()), 0)
    if not finite.all():
        return
    outside = (probabilities < 0) | (probabilities > 1)
    yield at_most("values outside [0, 1]", name, int(outside.sum()), 0)
    off = np.abs(probabilities.sum(axis=1) - 1).max()
    yield at_most(SUMS, name, float(off), MAX_SUM_ERROR)
    # Of classes that tie, each is an arg max.
    chosen = class_id[:, None] == np.arange(expected.shape[1])
    best = probabilities == probabilities.max(axis=1, keepdims=True)
    wrong = int((~(chosen & best).any(axis=1)).sum())
    yield at_most("class_id not the arg max", name, wrong, 0)
    difference = float(np.abs(probabilities - expected).max())
    yield at_most(
        "difference from the Trainer", name, difference, settings.max_difference
    )


def _value(line: Mapping[str, Any]) -> str:
    return line["error"] if "error" in line else describe_outputs(line["seen"])
