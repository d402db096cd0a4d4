"""cleanlab's Datalab: every check that it makes by default, on all records at once."""

import numpy as np
from cleanlab import Datalab

from benchmarks.checkers.classifier import features, out_of_fold
from benchmarks.checkers.exchange import Found, Splits
from benchmarks.checkers.flags import flagged

PACKAGES = ("cleanlab",)
# These are of a data set as a whole, and flag records only to say so.
_WHOLE = ("non_iid", "class_imbalance", "underperforming_group")


def check(before: Splits, now: Splits) -> Found:
    """Audits the data now, then looks for a drift from the data before to it."""
    earlier, _ = _joined(before)
    images, labels = _joined(now)
    places = features(images)
    lab = Datalab({"label": labels}, label_name="label", verbosity=0)
    lab.find_issues(features=places, pred_probs=out_of_fold(places, labels))
    failed = [kind.replace("_", " ") for kind in _WHOLE if _has(lab, kind)]

    both = np.concatenate([earlier, images])
    drift = Datalab({"record": np.arange(len(both))}, verbosity=0)
    drift.find_issues(features=features(both), issue_types={"non_iid": {}})
    if _has(drift, "non_iid"):
        failed.append("non iid, before and now")
    single = lab.issues.drop(columns=[f"is_{kind}_issue" for kind in _WHOLE])
    return Found(failed=failed, flagged=flagged(single, now))


def _joined(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*splits.values(), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _has(lab: Datalab, kind: str) -> bool:
    summary = lab.get_issue_summary(kind)
    return bool(summary["num_issues"].iloc[0])
