"""Checks of requests that clients send by mistake, and in formats of their own."""

from collections.abc import Iterator

import numpy as np

from components.checks import Check
from components.gate_settings import ServingCheckSettings
from components.serving.named_checks import at_most, equal, graded, make
from components.serving.observations import Observations
from components.serving.requests import Reference
from components.serving.steps import INCOMPLETE, OTHER_FORMATS, UNREADABLE

_REFUSED = "an error"


def odd_request_checks(
    observations: Observations,
    name: str,
    reference: Reference,
    settings: ServingCheckSettings,
) -> Iterator[Check]:
    """Yields a check for each kind of odd request that a signature was sent.

    Args:
      observations: of the probe.
      name: of the signature, which answered others well.
      reference: the Trainer's own predictions of the images that were sent.
      settings: the bounds.
    """
    if not np.isfinite(reference.probabilities).all():
        return
    expected = reference.probabilities.argmax(axis=1)
    incomplete = observations.ended.get((name, INCOMPLETE))
    if incomplete is not None:
        value = _REFUSED if "error" in incomplete else "an answer"
        yield equal(f"refuses {INCOMPLETE}", name, value, _REFUSED)

    mixed = observations.ended.get((name, UNREADABLE))
    if mixed is not None:
        check = "wrong rows of unreadable pictures"
        if "error" in mixed:
            yield make(check, name, mixed["error"], 0.0, False)
        else:
            rows = np.array(mixed["seen"]["rows"])
            wanted = np.where(rows < 0, -1, expected[rows])
            answers = np.array(mixed["seen"]["answers"])
            yield at_most(check, name, int((answers != wanted).sum()), 0)

    formats = observations.ended.get((name, OTHER_FORMATS))
    if formats is None:
        return
    if "error" in formats:
        error = formats["error"]
        yield make(f"other answers to {OTHER_FORMATS}", name, error, 0.0, False)
        return
    for kind, answers in formats["seen"].items():
        share = float((np.array(answers) != expected[: len(answers)]).mean())
        yield graded(
            f"other answers to a large {kind}",
            name,
            share,
            settings.warn_other_answers,
            settings.max_other_answers,
        )
