"""The page of a run: its parts, and the template that shows them."""

import functools
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import jinja2

from components.classes import describe_class
from pipeline.metadata.lineage import RunLineage
from pipeline.reporting import (
    audit,
    comparison,
    data,
    gates,
    model,
    origin,
    outcome,
    timeline,
    training,
)
from pipeline.reporting.sources import Sources, UnavailableError
from pipeline.reporting.text import cause, name_labels, number, percent

_PARTS: dict[str, Callable[[Sources], Any]] = {
    "distributions": data.distributions,
    "samples": data.samples,
    "anomalies": data.anomalies,
    "suspects": data.suspects,
    "training": training.training,
    "recipe": training.recipe,
    "augmented": training.augmented,
    "scores": model.scores,
    "reliability": model.reliability,
    "mistakes": model.mistakes,
    "predictions": model.sample_predictions,
    "weights": model.weights,
    "weak_spots": audit.weak_spots,
    "meaning": audit.meaning,
    "unknown": audit.unknown,
    "comparison": comparison.compare,
    "artifacts": origin.artifacts,
}
_MINUS = "\N{MINUS SIGN}"
_log = logging.getLogger(__name__)


@attrs.frozen
class Part:
    """A part of the page.

    Attributes:
      content: what it shows; None where it has nothing to show.
      missing: why it has nothing to show.
    """

    content: Any = None
    missing: str = ""


@attrs.frozen
class Page:
    """A page.

    Attributes:
      html: one file that needs nothing from anywhere else.
      problems: a line for each part that should be there and could not be made.
      missing: name of each part that it lacks to why.
    """

    html: str
    problems: list[str]
    missing: dict[str, str]


def make_page(summary: Mapping[str, Any], lineage: RunLineage) -> Page:
    """Makes the page of a run; a part that cannot be made is told, not fatal."""
    sources = Sources(summary, lineage)
    problems: list[str] = []
    parts = {
        name: _make_part(name, build, sources, problems)
        for name, build in _PARTS.items()
    }
    html = (
        _environment(sources)
        .get_template("report.html")
        .render(
            summary=summary,
            classes=sources.classes,
            named=sources.named,
            outcome=outcome.read_outcome(summary),
            gates=gates.gates(summary),
            drift=data.drift_checks(summary),
            spans=timeline.timeline(summary),
            shown=" ".join(name for name, part in parts.items() if not part.missing),
            **parts,
        )
    )
    missing = {name: part.missing for name, part in parts.items() if part.missing}
    return Page(html, problems, missing)


def _make_part(
    name: str, build: Callable[[Sources], Any], sources: Sources, problems: list[str]
) -> Part:
    try:
        return Part(build(sources))
    except UnavailableError as error:
        return Part(missing=str(error))
    # Whatever is wrong with one part, a page without it is worth having.
    except Exception as error:
        _log.exception("the report could not show %s", name)
        problems.append(f"The report lacks {name}: {cause(error)}")
        return Part(missing=f"Could not be shown: {cause(error)}")


def _environment(sources: Sources) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        percent=percent,
        number=number,
        points=points,
        moment=moment,
        named=functools.partial(name_labels, classes=sources.classes),
        class_name=functools.partial(describe_class, classes=sources.classes),
        json=json.dumps,
    )
    environment.globals["at"] = functools.partial(look_up, sources.summary)
    return environment


def look_up(summary: Mapping[str, Any], key: str) -> Any:
    """Returns the value at a dotted key, like ``checks.0.value``."""
    value: Any = summary
    for name in key.split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def moment(time: str) -> str:
    """Formats a time in ISO 8601 with its time zone."""
    parsed = datetime.fromisoformat(time)
    return f"{parsed:%Y-%m-%d %H:%M:%S} {parsed.tzname()}"


def points(change: float | None) -> str:
    """Formats a change of a share in percentage points, with its sign."""
    if change is None:
        return "none"
    return f"{100 * change:+.2f}".replace("-", _MINUS)
