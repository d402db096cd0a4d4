"""Weak spots: slices of the test split on which a model is worse than elsewhere.

Pure functions, which ModelAudit calls. The slices come from the data: thirds by what
the images look like, and the pairs of classes that the model confuses most.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from components.checks import Check, graded, widened
from components.classes import class_word, default_names
from components.data.contact_sheet import contact_sheet
from components.data.properties import PROPERTIES, properties
from components.evaluation.answers import Answers
from components.evaluation.audit_files import MISTAKES_FILE
from components.gate_settings import ModelGateSettings
from components.gates import MODEL

# Fewer records than that say little of a slice.
LEAST_RECORDS = 200
PAIRS = 3
_ON_A_SHEET = 20
_THIRDS = ("lowest", "middle", "highest")
_LEAST, _DECIMALS = 1e-6, 4
_WEAK = (
    "The model is weak on a part of the test split: {slice} ({records:,} records). "
    "Look at its mistakes in the report; add such records to train, augment more like "
    "them, or correct their labels. If that is good enough, {{setting}}."
)
_WORSE = (
    "The model is worse than the one that serves on a part of the test split: {slice} "
    "({records:,} records). Look at its mistakes in the report, and at what changed in "
    "train for such records. If that is good enough, {{setting}}."
)


@attrs.frozen(eq=False)
class Slice:
    """Records that have something in common.

    Attributes:
      name: what that is.
      mask: which records of the split, bool [n].
    """

    name: str
    mask: np.ndarray


@attrs.frozen
class SliceResult:
    """How good the models are on a slice.

    Attributes:
      name: of the slice.
      records: how many it has.
      accuracy: of the candidate.
      baseline: of the model that serves; None where it was not asked.
    """

    name: str
    records: int
    accuracy: float
    baseline: float | None

    @property
    def drop(self) -> float:
        """How much less accurate the candidate is than the baseline; 0 without one."""
        return 0.0 if self.baseline is None else self.baseline - self.accuracy


def find_slices(candidate: Answers) -> list[Slice]:
    """Returns the slices of at least ``LEAST_RECORDS`` records.

    Args:
      candidate: answers of the model, to find the pairs that it confuses.
    """
    slices = [*_thirds(candidate.records.images), *_confused_pairs(candidate)]
    return [one for one in slices if one.mask.sum() >= LEAST_RECORDS]


def measure_slices(
    slices: Sequence[Slice], candidate: Answers, baseline: Answers | None
) -> list[SliceResult]:
    """Measures both models on the same records."""
    return [
        SliceResult(
            one.name,
            int(one.mask.sum()),
            float(candidate.correct[one.mask].mean()),
            None if baseline is None else float(baseline.correct[one.mask].mean()),
        )
        for one in slices
    ]


def worst(results: Sequence[SliceResult]) -> SliceResult:
    """Returns the result with the lowest accuracy, of at least one."""
    return min(results, key=lambda one: one.accuracy)


def draw_mistakes(
    directory: str | Path,
    slices: Sequence[Slice],
    results: Sequence[SliceResult],
    candidate: Answers,
) -> dict[str, Any] | None:
    """Draws the most confident mistakes of the worst slice, with label and answer.

    Args:
      directory: gets a PNG.
      slices: of the test split.
      results: of each of them.
      candidate: the answers to it.

    Returns:
      The slice's ``name``, the ``count`` of its mistakes and how many are ``shown``;
      None where there are no slices, or no mistakes.
    """
    if not results:
        return None
    name = worst(results).name
    mask = next(one.mask for one in slices if one.name == name)
    wrong = np.flatnonzero(mask & ~candidate.correct)
    if not len(wrong):
        return None
    confidence = candidate.probabilities[wrong].max(axis=1)
    wrong = wrong[np.argsort(-confidence, kind="stable")]
    shown = wrong[:_ON_A_SHEET]
    labels, answers = candidate.records.labels[shown], candidate.predicted[shown]
    captions = [f"{a} -> {b}" for a, b in zip(labels, answers, strict=True)]
    sheet = contact_sheet(candidate.records.images[shown], captions)
    sheet.save(Path(directory) / MISTAKES_FILE, optimize=True)
    return {"name": name, "count": len(wrong), "shown": len(shown)}


def slice_checks(
    results: Sequence[SliceResult], settings: ModelGateSettings
) -> list[Check]:
    """Holds the worst slice and the largest drop to the bounds.

    Args:
      results: of all slices; none where the split is too small for any.
      settings: the bounds, which are widened by what chance does to so few records.
    """
    if not results or settings.weak_spots == "off":
        return []
    checks = [_accuracy_check(worst(results), settings)]
    if results[0].baseline is not None:
        checks.append(_drop_check(max(results, key=lambda one: one.drop), settings))
    return checks


def _accuracy_check(found: SliceResult, settings: ModelGateSettings) -> Check:
    warn, stop = (
        (f"evaluation.{name}", 1 - widened(1 - getattr(settings, name), found.records))
        for name in ("warn_slice_accuracy", "min_slice_accuracy")
    )
    return graded(
        warn,
        stop,
        _WEAK.format(slice=found.name, records=found.records),
        gate=MODEL.id,
        name="worst slice",
        slice=found.name,
        value=found.accuracy,
        policy=settings.weak_spots,
        direction="at least",
        baseline=found.baseline,
    )


def _drop_check(found: SliceResult, settings: ModelGateSettings) -> Check:
    warn, stop = (
        (f"evaluation.{name}", widened(getattr(settings, name), found.records))
        for name in ("warn_slice_drop", "max_slice_drop")
    )
    return graded(
        warn,
        stop,
        _WORSE.format(slice=found.name, records=found.records),
        gate=MODEL.id,
        name="slice accuracy drop",
        slice=found.name,
        value=found.drop,
        policy=settings.weak_spots,
        baseline=found.baseline,
    )


def _thirds(images: np.ndarray) -> Iterator[Slice]:
    """Cuts the records in three by each trait, at the terciles of these records."""
    for trait, values in _traits(images).items():
        # What a sum in another order changes is no difference between images.
        rounded = np.round(values, _DECIMALS)
        edges = np.quantile(rounded, (1 / 3, 2 / 3))
        place = np.searchsorted(edges, rounded)
        for position, third in enumerate(_THIRDS):
            mask = place == position
            # Where the edges are one value, a "third" may be all there is.
            if not mask.all():
                yield Slice(f"{trait}, {third} third", mask)


def _traits(images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what people see of each image, float32 [n] each."""
    found = dict(zip(PROPERTIES, properties(images).T, strict=True))
    width = found["right edge"] - found["left edge"] + 1
    height = found["bottom edge"] - found["top edge"] + 1
    return {
        # Brightness grows with the area of strokes, roughness with their outline.
        "thickness": found["brightness"] / np.maximum(found["roughness"], _LEAST),
        "slant": found["slant"],
        "size": width * height,
        "brightness": found["brightness"],
    }


def _confused_pairs(candidate: Answers) -> Iterator[Slice]:
    """Returns the records of the pairs of classes that are confused most often."""
    labels, classes = candidate.records.labels, candidate.probabilities.shape[1]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, candidate.predicted), 1)
    both = np.triu(confusion + confusion.T, 1)
    word = class_word(default_names(classes))
    for cell in np.argsort(-both, axis=None, kind="stable")[:PAIRS].tolist():
        one, other = divmod(cell, classes)
        if both[one, other]:
            mask = (labels == one) | (labels == other)
            yield Slice(f"{word} {one} and {other}", mask)
