"""Turns what the stress test saw into checks; ServingCheck calls ``judge_stress``."""

from collections.abc import Collection, Iterator

import numpy as np

from components.checks import Check
from components.features import PROBABILITIES
from components.gate_settings import ServingCheckSettings
from components.serving.named_checks import answer_check, at_most, graded, make
from components.serving.observations import Observations, ProbeEnd
from components.serving.requests import Reference
from components.serving.steps import BATCH, CALLS
from components.serving.stress import PICTURES, batch_sizes, batch_step
from components.serving.verdict import MAX_SUM_ERROR, SUMS, process_checks

_UNDER_STRESS = ", many requests"


def stress_timeout(settings: ServingCheckSettings) -> float:
    """Returns the seconds that the stress test may take."""
    return 3 * settings.timeout


def judge_stress(
    first: Observations,
    stressed: Observations,
    end: ProbeEnd,
    made: Collection[Check],
    reference: Reference,
    settings: ServingCheckSettings,
) -> list[Check]:
    """Makes every check that the observations of the stress test allow.

    Args:
      first: of the other probe.
      stressed: of the stress test.
      end: of its process.
      made: checks of ``first``; signatures without sound answers there are left out.
      reference: the Trainer's own predictions of the same images.
      settings: the bounds.
    """
    limit = stress_timeout(settings)
    checks = [*process_checks(stressed, end, limit, _UNDER_STRESS)]
    for name in [check.slice for check in made if check.name == SUMS and check.passed]:
        checks += _call_checks(stressed, name, settings)
        checks += _batch_checks(stressed, name, reference, settings)
        checks += _process_checks(first, stressed, name, settings)
    return checks


def _call_checks(
    stressed: Observations, name: str, settings: ServingCheckSettings
) -> Iterator[Check]:
    line = stressed.ended.get((name, CALLS))
    if line is None:
        return
    if "error" in line:
        bound = settings.max_variation
        yield make("difference between calls", name, line["error"], bound, False)
        return
    seen = line["seen"]
    yield _variation("calls", name, seen["difference"], settings)
    if seen["growth"] is not None:
        yield graded(
            "memory growth in MB",
            name,
            seen["growth"],
            settings.warn_memory_growth,
            settings.max_memory_growth,
        )


def _batch_checks(
    stressed: Observations,
    name: str,
    reference: Reference,
    settings: ServingCheckSettings,
) -> Iterator[Check]:
    """Yields the checks of answers to odd pictures and to many images.

    The other probe answered one image well; so what a picture adds are its values.
    """
    classes, pixels = reference.probabilities.shape[1], reference.images[0].size
    counts = dict.fromkeys(PICTURES, 1)
    counts |= {batch_step(n): n for n in batch_sizes(settings.max_batch, pixels)}
    answered = []
    for step, count in counts.items():
        line = stressed.ended.get((name, step))
        if line is None:
            continue
        seen, error = line.get("seen", {}), line.get("error", "")
        outputs = seen.get("outputs")
        check = answer_check(f"answers {step}", name, outputs, error, count, classes)
        if check.passed:
            answered.append(seen)
        if check.passed and step in PICTURES:
            wrong = seen["not finite"]
            check = at_most(f"values not finite on {step}", name, wrong, 0)
        yield check
    finite = [seen for seen in answered if not seen["not finite"]]
    if finite:
        off = max(seen["sum error"] for seen in finite)
        yield at_most(f"{SUMS}{_UNDER_STRESS}", name, off, MAX_SUM_ERROR)
    if answered:
        moved = np.max([seen["difference"] for seen in answered])
        yield _variation("batches", name, float(moved), settings)


def _process_checks(
    first: Observations,
    stressed: Observations,
    name: str,
    settings: ServingCheckSettings,
) -> Iterator[Check]:
    answers = [
        seen[PROBABILITIES]["values"]
        for seen in (first.seen(name, BATCH), stressed.seen(name, BATCH))
        if seen is not None
    ]
    if len(answers) == 2:
        moved = np.abs(np.subtract(*answers)).max()
        yield _variation("processes", name, float(moved), settings)


def _variation(
    between: str, name: str, value: float, settings: ServingCheckSettings
) -> Check:
    return graded(
        f"difference between {between}",
        name,
        value,
        settings.warn_variation,
        settings.max_variation,
    )
