"""What a checker found → whether it raised an alarm: pure functions for ``run``.

A checker that counts records finds some in good data too, and one or the other of its
conditions may not hold there. So what speaks is what good draws do not show: a
condition that holds for all of them, or more flagged records than chance adds to the
good draw with the most.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.checkers.exchange import CLEAN, DEFECT, GOOD

ALARM, WARNING, NOTHING = "alarm", "warning", "nothing"
# Standard deviations that chance may add, as for the bounds of DataGate.
_SIGMA = 3.0

# Of what raised an alarm, so many are named.
_NAMED = 3

# One data set as ``exchange.check_all`` writes it.
Result = Mapping[str, Any]


def judge(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Says of each data set but the good draws what a checker raises.

    Args:
      results: of one checker, all data sets.

    Returns:
      For each: ``name``, ``part``, ``verdict`` (``alarm``, ``warning`` or
      ``nothing``) and ``by``, the names of what raised it, the first few.
    """
    good = [one for one in results if one["part"] == GOOD]
    usual = {name for one in good for name in (*one["failed"], *one["warned"])}
    judged = []
    for one in results:
        if one["part"] in (CLEAN, DEFECT):
            alarms = [name for name in one["failed"] if name not in usual]
            alarms += _beyond(one["flagged"], [each["flagged"] for each in good])
            warnings = [name for name in one["warned"] if name not in usual]
            verdict = ALARM if alarms else WARNING if warnings else NOTHING
            by = (alarms or warnings)[:_NAMED]
            fields = {"name": one["name"], "part": one["part"]}
            judged.append({**fields, "verdict": verdict, "by": by})
    return judged


def summarize(results: Sequence[Result]) -> dict[str, Any]:
    """Counts what was caught and what was raised for nothing.

    Args:
      results: of one checker, all data sets.

    Returns:
      Counts of verdicts, the median wall and CPU seconds of a data set, and ``named``:
      in how many clean draws the checker names an issue where nothing is held to what
      good draws show.
    """
    judged = judge(results)
    defects = [one["verdict"] for one in judged if one["part"] == DEFECT]
    clean = [one["verdict"] for one in judged if one["part"] == CLEAN]
    return {
        "caught": defects.count(ALARM),
        "warned": defects.count(WARNING),
        "defects": len(defects),
        "false_alarms": clean.count(ALARM),
        "false_warnings": clean.count(WARNING),
        "named": sum(_names(one) for one in results if one["part"] == CLEAN),
        "clean": len(clean),
        "seconds": round(statistics.median(one["seconds"] for one in results), 1),
        "cpu": round(statistics.median(one["cpu"] for one in results), 1),
    }


def _names(result: Result) -> bool:
    flagged = any(count for count, _ in result["flagged"].values())
    return bool(result["failed"] or result["warned"] or flagged)


def _beyond(
    now: Mapping[str, Sequence[int]], good: Sequence[Mapping[str, Sequence[int]]]
) -> list[str]:
    """Names the kinds of issue with more records than in good draws, worst first."""
    excess = {}
    for kind, (count, total) in now.items():
        known = [one[kind] for one in good if kind in one] or [(0, total)]
        if total and count / total > (bound := max(_bound(*one) for one in known)):
            excess[kind] = count / total / bound
    return sorted(excess, key=lambda kind: -excess[kind])


def _bound(count: int, total: int) -> float:
    """The largest share that chance makes of a true one; none seen is not none."""
    share = (count + 1) / (total + 2)
    return share + _SIGMA * math.sqrt(share * (1 - share) / total)
