"""Whether data still means what it did: a model of new data, tried on earlier data.

Pure functions, which ModelAudit calls. A candidate that is right about the data that it
was made of, and wrong about data that an earlier model was right about, was taught
another meaning: turned images, renamed classes, classes that changed places.
"""

from collections.abc import Mapping

import attrs
import numpy as np

from components.checks import Check, graded, widened
from components.evaluation.answers import Answers
from components.evaluation.audit_files import MEANING
from components.gate_settings import ModelGateSettings
from components.gates import MODEL

_ADVICE = (
    "The data changed its meaning. Of the new test split the candidate is right about "
    "{candidate:.1%} and the earlier model about {previous:.1%}; of the test split "
    "that the earlier model was accepted on, the candidate is right about "
    "{candidate_before:.1%} and the earlier model about {previous_before:.1%}."
    "{renamed} "
)
_MEND = (
    "See whether images were turned, mirrored or prepared otherwise, or labels "
    "renamed, and correct the data. If the meaning is to change, run with "
    "--rebaseline, which lets it pass and writes it into the manifest."
)
_TOLD = "As --rebaseline asks, it passes, and the manifest says so."


@attrs.frozen
class Accuracies:
    """Of two models on two test splits, overall or of one class.

    Attributes:
      candidate: of the candidate on its own, the new test split.
      candidate_before: of it on the test split that the earlier model was blessed on.
      previous: of the earlier model on the new test split.
      previous_before: of it on its own.
      serving_before: of the model that serves on the earlier test split; None where
        that is the earlier model, or none serves.
      records: how many the two splits have, each as much as the other.
    """

    candidate: float
    candidate_before: float
    previous: float
    previous_before: float
    serving_before: float | None
    records: float

    @property
    def change(self) -> float:
        """How much of what was right about earlier data is now wrong, in [-1, 1].

        A model that is worse everywhere shows no change of meaning, nor does new data
        that is only harder, nor what the model that serves was taught already.
        """
        right = [self.candidate, self.previous_before]
        if self.serving_before is not None:
            right.append(self.serving_before)
        return min(right) - self.candidate_before


@attrs.frozen
class Comparison:
    """What became of the meaning.

    Attributes:
      overall: accuracies on all records.
      classes: label → those of its records, of labels that both splits hold.
      renamed: label → what the candidate calls most of its earlier records, where that
        is another class; none where two labels would get the same name.
    """

    overall: Accuracies
    classes: dict[int, Accuracies]
    renamed: dict[int, int]


def compare(
    candidate: Answers,
    candidate_before: Answers,
    previous: Answers,
    previous_before: Answers,
    serving_before: Answers | None,
) -> Comparison:
    """Compares the answers of the models to the new and to the earlier test split."""
    new, before = candidate.records.labels, previous_before.records.labels
    right = {
        "candidate": (candidate.correct, new),
        "candidate_before": (candidate_before.correct, before),
        "previous": (previous.correct, new),
        "previous_before": (previous_before.correct, before),
    }
    if serving_before is not None:
        right["serving_before"] = (serving_before.correct, before)
    return Comparison(
        _accuracies({name: correct for name, (correct, _) in right.items()}),
        {
            label: _accuracies(
                {name: c[labels == label] for name, (c, labels) in right.items()}
            )
            for label in np.intersect1d(new, before).tolist()
        },
        _renamed(candidate_before),
    )


def meaning_checks(
    comparison: Comparison, settings: ModelGateSettings, rebaseline: bool
) -> list[Check]:
    """Holds the change overall, and that of the class that changed most, to the bounds.

    Args:
      comparison: of the candidate with an earlier model.
      settings: the bounds, which are widened by what chance does to so few records.
      rebaseline: whether the meaning may change; what is found is shown alone.
    """
    if settings.meaning == "off":
        return []
    checks = [_check(comparison, None, settings, rebaseline)]
    if comparison.classes:
        changes = {k: _excess(v, settings) for k, v in comparison.classes.items()}
        worst = max(changes, key=changes.__getitem__)
        checks.append(_check(comparison, worst, settings, rebaseline))
    return checks


def _accuracies(correct: Mapping[str, np.ndarray]) -> Accuracies:
    shares = {name: float(mask.mean()) for name, mask in correct.items()}
    new, before = len(correct["candidate"]), len(correct["previous_before"])
    # A difference of two shares varies as one of a sample of this size.
    records = 1 / (1 / new + 1 / before)
    return Accuracies(
        shares["candidate"],
        shares["candidate_before"],
        shares["previous"],
        shares["previous_before"],
        shares.get("serving_before"),
        records,
    )


def _excess(accuracies: Accuracies, settings: ModelGateSettings) -> float:
    """How far a class is beyond its bound, so that rare classes do not hide others."""
    bound = widened(settings.max_class_meaning_change, accuracies.records)
    return accuracies.change - bound


def _renamed(candidate_before: Answers) -> dict[int, int]:
    labels, predicted = candidate_before.records.labels, candidate_before.predicted
    found = {}
    for label in np.unique(labels).tolist():
        counts = np.bincount(predicted[labels == label])
        most = int(counts.argmax())
        if most != label and 2 * counts[most] > counts.sum():
            found[label] = most
    # Images that were turned look like something else, several classes like the same.
    return found if len(set(found.values())) == len(found) else {}


def _check(
    comparison: Comparison,
    label: int | None,
    settings: ModelGateSettings,
    rebaseline: bool,
) -> Check:
    found = comparison.overall if label is None else comparison.classes[label]
    kind = "" if label is None else "class_"
    warn, stop = (
        (f"evaluation.{name}", widened(getattr(settings, name), found.records))
        for name in (f"warn_{kind}meaning_change", f"max_{kind}meaning_change")
    )
    return graded(
        warn,
        stop,
        _ADVICE.format(
            **attrs.asdict(comparison.overall), renamed=_in_words(comparison.renamed)
        )
        + (_TOLD if rebaseline else _MEND),
        gate=MODEL.id,
        name=MEANING,
        slice="overall" if label is None else f"labelled {label}",
        value=found.change,
        policy="warn" if rebaseline else settings.meaning,
        baseline=found.previous_before,
    )


def _in_words(renamed: Mapping[int, int]) -> str:
    if not renamed:
        return ""
    calls = ", ".join(f"{one} now {other}" for one, other in renamed.items())
    return f" Labels seem to be renamed: {calls}."
