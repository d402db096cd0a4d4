"""deepchecks' whole suite for images, with the conditions that it comes with."""

import numpy as np
from deepchecks.core import SuiteResult
from deepchecks.vision import VisionData
from deepchecks.vision.checks import ImageDatasetDrift, ImagePropertyOutliers
from deepchecks.vision.suites import full_suite
from sklearn.pipeline import Pipeline
from torch.utils.data import DataLoader

from benchmarks.checkers.classifier import fit, predict
from benchmarks.checkers.exchange import Found, Splits

PACKAGES = ("deepchecks", "torch")
_BATCH = 512


def check(before: Splits, now: Splits) -> Found:
    """Compares the data now with the data before, and its splits with each other."""
    model = fit(*before["train"])
    then = {split: _data(*arrays, model) for split, arrays in before.items()}
    data = {split: _data(*arrays, model) for split, arrays in now.items()}
    found = Found()
    for split in ("val", "test"):
        results = _run(then[split], data[split], "Test")
        _add(results, f"before and now, {split}", split, len(now[split][1]), found)
    results = _run(data["train"], data["test"], "Train")
    _add(results, "train and test", "train", len(now["train"][1]), found)
    return found


def _data(images: np.ndarray, labels: np.ndarray, model: Pipeline) -> VisionData:
    """Images uint8 [n, h, w] with labels and the answers of a model."""
    answers = predict(model, images)
    records = list(zip(images[..., None], labels.tolist(), answers, strict=True))

    def collate(some: list[tuple]) -> dict[str, list]:
        pictures, true, predicted = zip(*some, strict=True)
        return {
            "images": list(pictures),
            "labels": list(true),
            "predictions": list(predicted),
        }

    loader = DataLoader(records, batch_size=_BATCH, collate_fn=collate)
    return VisionData(loader, task_type="classification", reshuffle_data=False)


def _run(one: VisionData, other: VisionData, alone: str) -> SuiteResult:
    """Runs the suite on two data sets.

    Args:
      one: what deepchecks calls the train data set.
      other: what it calls the test data set.
      alone: ``Train`` or ``Test``, the one that is looked at by itself, too.
    """
    suite = full_suite()
    for check in suite.checks.values():
        # The only one that has a condition with a default and is not given it.
        if isinstance(check, ImageDatasetDrift):
            check.add_condition_drift_score_less_than()
    return suite.run(one, other, with_display=False, run_single_dataset=alone)


def _add(results: SuiteResult, pair: str, split: str, count: int, found: Found) -> None:
    """Adds conditions that do not hold and outliers to what was found.

    Args:
      results: of a suite.
      pair: of data sets that it compared.
      split: that it looked at by itself.
      count: records of this.
      found: is added to.
    """
    for result in results.get_not_passed_checks():
        kinds = {condition.category.value for condition in result.conditions_results}
        broken = found.warned if kinds <= {"PASS", "WARN"} else found.failed
        broken.append(f"{result.get_header()}, {pair}")
    for result in results.results:
        if isinstance(getattr(result, "check", None), ImagePropertyOutliers):
            for name, outliers in result.value.items():
                # A text says that the property cannot be told of these images.
                if not isinstance(outliers, str):
                    flagged = len(outliers["outliers_identifiers"]), count
                    found.flagged[f"outliers by {name.lower()}, {split}"] = flagged
