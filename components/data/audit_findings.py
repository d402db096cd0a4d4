"""What DataAudit measures: how records differ from other data, and from one another.

Pure functions from records to findings, each with the records that speak for it.
"""

from collections.abc import Iterator, Mapping

import attrs
import numpy as np

from components.data.audit_records import Records
from components.data.copies import CopyFinder, repeated
from components.data.directions import sampled
from components.data.label_issues import out_of_fold, suspicion
from components.data.pixel_marks import find_marks
from components.data.profile import TRAITS, Profile, fit_profile
from components.features import TRAIN

UNLIKE, SHIFT = "unlike previous data", "shift of a trait"
CLASS_SHIFT = "shift of a trait of one label"
UNLIKE_TRAIN = "unlike train"
DISAGREEMENT = "against the serving model"
ONE_LABEL = "one label against the serving model"
NEAR_COPIES, REPEATS = "near copies", "repeats"
WRONG_LABELS, WRONG_CLASS = "wrong labels", "wrong labels of one class"
SHORTCUT = "label told by one pixel"
ONE_SHORTCUT = "one label told by one pixel"

# A label that the model gives less than this is one that it disagrees with.
_UNLIKELY = 0.01
# Fewer records than that say nothing of others.
_LEAST_RECORDS = 100
# So many records of train are enough to estimate shares from, and of others a third.
_MOST_LABELS = 12_000
# What a classifier fitted on few records gets wrong by itself, times their number.
_CLASSIFIER_ERRORS = 60.0
_MOST_PIXELS = 10_000


@attrs.frozen(eq=False)
class Finding:
    """One number about the records of a split.

    Attributes:
      name: what was measured.
      where: the split, or two of them.
      value: the share of records, or what ``name`` says.
      count: records that it was measured on.
      note: what stands out most, in a few words; empty where nothing does.
      split: that the suspects are of.
      suspects: int64 [k], positions in the split's records, worst first.
      scores: float32 [k], how bad each is; larger is worse.
      answers: int64 [k], which other class a model says; empty where none was asked.
      chances: float32 [k, 2], what it gives the label and that class; empty likewise.
    """

    name: str
    where: str
    value: float
    count: int
    note: str = ""
    split: str = ""
    suspects: np.ndarray = attrs.field(factory=lambda: np.empty(0, np.int64))
    scores: np.ndarray = attrs.field(factory=lambda: np.empty(0, np.float32))
    answers: np.ndarray = attrs.field(factory=lambda: np.empty(0, np.int64))
    chances: np.ndarray = attrs.field(factory=lambda: np.empty((0, 2), np.float32))


def measure(
    splits: Mapping[str, Records],
    classes: int,
    previous: Profile | None = None,
    answers: Mapping[str, np.ndarray] | None = None,
    base: np.ndarray | None = None,
    own: Profile | None = None,
) -> list[Finding]:
    """Measures all that can be measured.

    Args:
      splits: to look at; each holds a record.
      classes: how many there are.
      previous: of earlier data, to compare with; train where there is none.
      answers: float32 [n, classes] by split, what a model says; none is asked for None.
      base: from ``unlikely_shares``, of data that the model knows; zeros for None.
      own: from ``profile_of_train``; fitted here for None.
    """
    found = list(compared(splits, previous, own or profile_of_train(splits, classes)))
    if answers is not None:
        base = np.zeros(classes + 1) if base is None else base
        found += disagreement(splits, answers, base)
    found += [*copies(splits), *shortcut(splits, classes)]
    if sum(len(records.labels) for records in splits.values()) >= _LEAST_RECORDS:
        found += wrong_labels(splits, classes)
    return found


def profile_of_train(splits: Mapping[str, Records], classes: int) -> Profile | None:
    """Fits a profile to the training split, where that is large enough."""
    if TRAIN not in splits or len(splits[TRAIN].labels) < _LEAST_RECORDS:
        return None
    return fit_profile(splits[TRAIN].images, splits[TRAIN].labels, classes)


def compared(
    splits: Mapping[str, Records], previous: Profile | None, own: Profile | None
) -> Iterator[Finding]:
    """Compares with earlier data and, where there is none, with the training split."""
    pixels = next((records.images[0].size for records in splits.values()), 0)
    if previous is not None and len(previous.mean) == pixels:
        yield from unlike(splits, previous, UNLIKE)
    elif own is not None:
        others = {split: splits[split] for split in splits if split != TRAIN}
        yield from unlike(others, own, UNLIKE_TRAIN)


def _suspects(scores: np.ndarray) -> dict[str, np.ndarray]:
    """The records with positive scores, worst first."""
    order = np.argsort(-scores, kind="stable")
    worst = order[: int((scores > 0).sum())]
    return {"suspects": worst, "scores": scores[worst]}


def _answered(
    scores: np.ndarray, probabilities: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """The records with positive scores, and the likeliest class besides their label.

    Args:
      scores: float32 [n].
      probabilities: float32 [n, classes].
      labels: int64 [n].
    """
    found = _suspects(scores)
    worst = found["suspects"]
    rows, own = np.arange(len(worst)), labels[worst]
    others = probabilities[worst]
    others[rows, own] = -1
    answers = others.argmax(axis=1)
    chances = np.stack([probabilities[worst, own], others[rows, answers]], axis=1)
    return {**found, "answers": answers, "chances": chances}


def unlike(
    splits: Mapping[str, Records], profile: Profile, name: str
) -> Iterator[Finding]:
    """Records that are unlike those of other data, and how far each trait moved.

    Args:
      splits: to look at.
      profile: of the other data.
      name: of the finding, which says what the other data is.
    """
    for split, records in splits.items():
        traits = profile.traits(records.images)
        outside = profile.outside(traits)
        share = float(outside.any(axis=1).mean()) - profile.base
        worst = outside.mean(axis=0).argmax()
        note = f"most of all by {TRAITS[worst]}" if outside.any() else ""
        count = min(len(records.labels), profile.count)
        found = _suspects(outside.max(axis=1))
        yield Finding(name, split, max(share, 0.0), count, note, split, **found)
        if name == UNLIKE:
            moved = profile.shift(traits)
            trait = TRAITS[int(moved.argmax())]
            yield Finding(SHIFT, split, float(moved.max()), count, trait, split)
            yield _class_shift(split, records.labels, traits, profile)


def _class_shift(
    split: str, labels: np.ndarray, traits: np.ndarray, profile: Profile
) -> Finding:
    """How far a trait of the records with one label moved, where it moved farthest."""
    moved = profile.class_shift(traits, labels)
    label, trait = np.unravel_index(moved.argmax(), moved.shape)
    return Finding(
        CLASS_SHIFT,
        f"{split}, label {label}",
        float(moved.max()),
        int((labels == label).sum()),
        TRAITS[trait],
        split,
    )


def disagreement(
    splits: Mapping[str, Records],
    probabilities: Mapping[str, np.ndarray],
    base: np.ndarray,
) -> Iterator[Finding]:
    """Labels that the serving model finds unlikely, beyond those of its own data.

    Args:
      splits: to look at.
      probabilities: float32 [n, classes] of each split.
      base: from ``unlikely_shares``, of the test split that the model was accepted on.
    """
    for split, records in splits.items():
        answers, labels = probabilities[split], records.labels
        own = answers[np.arange(len(labels)), labels]
        scores = np.where(own < _UNLIKELY, 1 - own, 0).astype(np.float32)
        names = DISAGREEMENT, ONE_LABEL
        yield from _of_labels(names, split, scores, answers, labels, base)


def _of_labels(
    names: tuple[str, str],
    split: str,
    scores: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
    base: np.ndarray | float,
) -> Iterator[Finding]:
    """Labels that a model finds wrong: of a split, and of the label with most of them.

    Args:
      names: of the two findings.
      split: that was looked at.
      scores: float32 [n], positive where a label seems to be wrong.
      probabilities: float32 [n, classes].
      labels: int64 [n].
      base: shares of each label and of all that are so in good data.
    """
    classes = probabilities.shape[1]
    excess = np.maximum(_shares(scores > 0, labels, classes) - base, 0)
    counts = np.bincount(labels, minlength=classes)
    # By how much more than chance: a rare class varies most.
    worst = int((excess[:-1] * np.sqrt(counts)).argmax())
    of_class = np.where(labels == worst, scores, 0)
    for name, where, value, count, chosen in (
        (names[0], split, excess[-1], len(labels), scores),
        (names[1], f"{split}, label {worst}", excess[worst], counts[worst], of_class),
    ):
        note = _confusion(probabilities, labels, chosen > 0)
        found = _answered(chosen, probabilities, labels)
        yield Finding(name, where, float(value), int(count), note, split, **found)


def unlikely_shares(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the shares of labels that a model finds unlikely.

    Args:
      probabilities: float32 [n, classes].
      labels: int64 [n].

    Returns:
      float64 [classes + 1]: of each label, 0 where there is none, and of all.
    """
    unlikely = probabilities[np.arange(len(labels)), labels] < _UNLIKELY
    return _shares(unlikely, labels, probabilities.shape[1])


def _shares(found: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    counts = np.bincount(labels, minlength=classes)
    each = np.bincount(labels, weights=found, minlength=classes)
    return np.append(each / np.maximum(counts, 1), found.mean())


def _confusion(
    probabilities: np.ndarray, labels: np.ndarray, chosen: np.ndarray
) -> str:
    """Says which label stands most often where the model says which class."""
    if not chosen.any():
        return ""
    pairs = np.stack([labels[chosen], probabilities[chosen].argmax(axis=1)], axis=1)
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    label, answer = kinds[counts.argmax()]
    return f"{counts.max():,} times label {label} where the model says {answer}"


def copies(splits: Mapping[str, Records]) -> Iterator[Finding]:
    """Repeats in each split, and near copies of train in the other splits."""
    for split, records in splits.items():
        again = repeated(records.images)
        yield Finding(
            REPEATS,
            split,
            float(again.mean()),
            len(again),
            "",
            split,
            **_suspects(again.astype(np.float32)),
        )
    others = [split for split in splits if split != TRAIN]
    if TRAIN not in splits or not others:
        return
    finder = CopyFinder(splits[TRAIN].images)
    for split in others:
        images = splits[split].images
        nearest, distance = finder.nearest(images)
        near = np.flatnonzero(np.isfinite(distance))
        order = near[np.argsort(distance[near], kind="stable")]
        # Those of train are to go, so that the other split stays the measure it was.
        first = np.sort(np.unique(nearest[order], return_index=True)[1])
        chosen = order[first]
        yield Finding(
            NEAR_COPIES,
            f"{TRAIN}/{split}",
            len(near) / len(images),
            len(images),
            f"{len(chosen):,} records of {TRAIN}" if len(near) else "",
            TRAIN,
            nearest[chosen],
            1 - distance[chosen],
        )


def wrong_labels(splits: Mapping[str, Records], classes: int) -> Iterator[Finding]:
    """The estimated share of wrong labels, of each split and of its worst label.

    Less what the classifier, fitted on so few records, gets wrong by itself.
    """
    chosen = {
        split: sampled(
            len(records.labels), _MOST_LABELS // (1 if split == TRAIN else 3)
        )
        for split, records in splits.items()
    }
    some = [(splits[split], index) for split, index in chosen.items()]
    images = np.concatenate([records.images[index] for records, index in some])
    labels = np.concatenate([records.labels[index] for records, index in some])
    probabilities = out_of_fold(images, labels, classes)
    scores = suspicion(probabilities, labels)
    base = _CLASSIFIER_ERRORS / len(labels)
    names = WRONG_LABELS, WRONG_CLASS
    start = 0
    for split, index in chosen.items():
        own = slice(start, start + len(index))
        for finding in _of_labels(
            names, split, scores[own], probabilities[own], labels[own], base
        ):
            yield attrs.evolve(finding, suspects=index[finding.suspects])
        start = own.stop


def shortcut(splits: Mapping[str, Records], classes: int) -> Iterator[Finding]:
    """How well one pixel tells the label in train, where it should hardly do so."""
    if TRAIN not in splits:
        return
    images, labels = splits[TRAIN].images, splits[TRAIN].labels
    some = sampled(len(labels), _MOST_PIXELS)
    images, labels = images[some], labels[some]
    marks = find_marks(images, labels, classes)
    for name, mark in zip((SHORTCUT, ONE_SHORTCUT), marks, strict=True):
        row, column = divmod(mark.pixel, images.shape[2])
        where = TRAIN if mark.label is None else f"{TRAIN}, label {mark.label}"
        note = f"the pixel in row {row}, column {column}, from 0"
        yield Finding(name, where, mark.value, len(images), note)
