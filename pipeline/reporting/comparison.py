"""The change against the baseline on the page."""

from typing import Any

import attrs
from markupsafe import Markup

from components.classes import describe_class
from components.gates import MODEL
from pipeline.reporting import plots
from pipeline.reporting.sources import Sources, UnavailableError
from pipeline.reporting.text import compared_with


@attrs.frozen(eq=False)
class Comparison:
    """This model beside the one that it would replace.

    Attributes:
      what: which model the baseline is, and why that one.
      run: that made the baseline; None where that is not known.
      rows: of overall and each class a name, the key of the value in the summary's
        ``metrics`` and ``baseline``, and the change; None where a value is missing.
      loss_change: of the loss; None where a value is missing.
      plot: of the changes of each class.
    """

    what: str
    run: str | None
    rows: list[tuple[str, str, float | None]]
    loss_change: float | None
    plot: Markup


def compare(sources: Sources) -> Comparison:
    """Returns what changed against the baseline."""
    metrics, baseline = sources.summary["metrics"], sources.summary["baseline"]
    if metrics is None:
        raise UnavailableError("Nothing to compare: no model was evaluated.")
    if baseline is None:
        raise UnavailableError(_why_none(sources))
    overall = _change(metrics["accuracy"], baseline["accuracy"])
    changes = {
        label: _change(value, baseline["per_class"].get(label))
        for label, value in metrics["per_class"].items()
    }
    rows = [("overall", "accuracy", overall)]
    rows += [
        (describe_class(int(label), sources.classes), f"per_class.{label}", change)
        for label, change in changes.items()
    ]
    return Comparison(
        what=compared_with(sources.summary) or "the latest other blessed model",
        run=_baseline_run(sources),
        rows=rows,
        loss_change=_change(metrics["loss"], baseline["loss"]),
        plot=plots.changes(
            list(changes.values()),
            sources.classes,
            "Change of the accuracy of each class; the table has the numbers",
        ),
    )


def _change(value: float | None, reference: float | None) -> float | None:
    return None if value is None or reference is None else value - reference


def _why_none(sources: Sources) -> str:
    config: dict[str, Any] = sources.summary.get("config", {})
    if config.get("rebaseline"):
        return "Not compared: the run was told to leave the baseline out."
    if why := compared_with(sources.summary):
        return f"Compared with {why}."
    return "Nothing to compare with: no earlier model was blessed."


def _baseline_run(sources: Sources) -> str | None:
    blessing = sources.lineage.output(MODEL.node, MODEL.output)
    uri = blessing.properties.get("baseline_model") if blessing else None
    return sources.lineage.maker(str(uri)) if uri else None
