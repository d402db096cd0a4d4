"""From what DataAudit measured to checks: pure functions that DataGate calls."""

import math
from collections.abc import Iterable

import attrs

from components.checks import SIGMA, Check, Policy, graded, widened
from components.data import audit_findings as found
from components.data.audit_files import SUSPECTS_FILE, Measured
from components.gate_settings import DataGateSettings

# Their values are means, in standard deviations of a record.
_MEANS = (found.SHIFT, found.CLASS_SHIFT)
_LIST = f"{SUSPECTS_FILE} of the audit lists them for 'data quarantine'"


@attrs.frozen
class _Rule:
    """How one kind of finding is judged.

    Attributes:
      policy: name of the setting with its policy.
      warn: name of the setting above which is warned.
      most: name of the setting above which the run is stopped.
      share: whether the value is a share of records, so that chance moves it.
      advice: what is wrong and what to do, with ``{where}`` and ``{note}``.
    """

    policy: str
    warn: str
    most: str
    share: bool
    advice: str


_UNLIKE = _Rule(
    "unlike",
    "warn_unlike_share",
    "max_unlike_share",
    True,
    "Records of {where} look unlike any {other}, {note}: inverted, shifted, turned, "
    "cut off or foreign images, or another source. Repair or remove them",
)
_RULES = {
    found.UNLIKE: _UNLIKE,
    found.UNLIKE_TRAIN: _UNLIKE,
    found.SHIFT: _Rule(
        "unlike",
        "warn_shift",
        "max_shift",
        False,
        "The images of {where} changed as a whole, most of all in: {note}. Prepare "
        "them as the data before",
    ),
    found.CLASS_SHIFT: _Rule(
        "unlike",
        "warn_label_shift",
        "max_label_shift",
        False,
        "The images of {where} changed as a whole, most of all in: {note}. Prepare "
        "them as the data before, or correct the labels",
    ),
    found.DISAGREEMENT: _Rule(
        "disagreement",
        "warn_disagreement",
        "max_disagreement",
        True,
        "The model that serves finds labels of {where} wrong that are not so in its "
        "own data: {note}. Correct the labels, or the images if those changed",
    ),
    found.ONE_LABEL: _Rule(
        "disagreement",
        "warn_label_disagreement",
        "max_label_disagreement",
        True,
        "The model that serves finds this label wrong where it stands now: {note}. "
        "Correct the labels, or the images if those changed",
    ),
    found.NEAR_COPIES: _Rule(
        "leakage",
        "warn_near_copies",
        "max_near_copies",
        False,
        "Images of one split are copies of the other's but for a shift, brightness or "
        "a few pixels: {note}. Remove them from train",
    ),
    found.REPEATS: _Rule(
        "repeats",
        "warn_repeats",
        "max_repeats",
        False,
        "{where} holds the same images more than once. Remove the repeats",
    ),
    found.WRONG_LABELS: _Rule(
        "wrong_labels",
        "warn_wrong_labels",
        "max_wrong_labels",
        True,
        "So large a share of the labels of {where} seems to be wrong. Look at them "
        "and correct them",
    ),
    found.WRONG_CLASS: _Rule(
        "wrong_labels",
        "warn_class_wrong_labels",
        "max_class_wrong_labels",
        True,
        "So large a share of the records of {where} seems to be of another class: "
        "{note}. Look at them and correct them",
    ),
    found.SHORTCUT: _Rule(
        "shortcut",
        "warn_shortcut",
        "max_shortcut",
        False,
        "One pixel alone tells the label: {note}. A model would learn that mark. "
        "Remove it",
    ),
    found.ONE_SHORTCUT: _Rule(
        "shortcut",
        "warn_label_shortcut",
        "max_label_shortcut",
        False,
        "One pixel alone tells whether it is this label: {note}. A model would learn "
        "that mark. Remove it",
    ),
}


def audit_checks(
    measured: Iterable[Measured], settings: DataGateSettings
) -> list[Check]:
    """Returns a check for every finding; of a policy ``off``, none.

    A value above the bound to warn at is shown, one above the largest allowed stops
    the run. Bounds of shares are widened by what chance does to a sample of that size.

    Args:
      measured: by DataAudit.
      settings: with the bounds.
    """
    checks = []
    for finding in measured:
        rule = _RULES[finding.name]
        policy: Policy = getattr(settings, rule.policy)
        if policy != "off":
            checks.append(_check(finding, rule, policy, settings))
    return checks


def _check(
    finding: Measured, rule: _Rule, policy: Policy, settings: DataGateSettings
) -> Check:
    warn, stop = (
        (f"data_gate.{name}", _bound(finding, rule, getattr(settings, name)))
        for name in (rule.warn, rule.most)
    )
    other = "of train" if finding.name == found.UNLIKE_TRAIN else "before"
    note = finding.note or "no single kind of them"
    advice = rule.advice.format(where=finding.where, note=note, other=other)
    return graded(
        warn,
        stop,
        f"{advice}{_seen(finding)}. If this is meant, {{setting}}.",
        gate="data",
        name=finding.name,
        slice=finding.where,
        value=finding.value,
        policy=policy,
    )


def _seen(finding: Measured) -> str:
    return f" ({finding.suspects:,} records; {_LIST})" if finding.suspects else ""


def _bound(finding: Measured, rule: _Rule, bound: float) -> float:
    if finding.name in _MEANS:
        return bound + SIGMA / math.sqrt(max(finding.count, 1))
    if finding.name == found.NEAR_COPIES:
        # One pair of a small split looks alike by chance.
        return bound + 1 / max(finding.count, 1)
    if not rule.share or not finding.count:
        return bound
    return widened(bound, finding.count)
