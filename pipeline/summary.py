"""``summary.json`` as it is read back: checked, as anybody may have written it.

It holds what the metadata store does not: how a run ended, its configuration and its
checks.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from components.checks import Check
from components.classes import DIGITS, ClassNames
from components.errors import PipelineError
from components.gates import EXIT_CODES
from components.plain_errors import plain_problems
from components.publishing.manifest import Line, Metrics

SUMMARY_FILE = "summary.json"
_READ = ConfigDict(extra="ignore")

# TFX keeps the version of a pushed model as text.
Version = Annotated[
    int | None, BeforeValidator(lambda v: int(v) if isinstance(v, str) else v)
]


def _known_status(status: str) -> str:
    if status not in EXIT_CODES:
        raise ValueError(f"{status!r} is none of {', '.join(EXIT_CODES)}")
    return status


def _check_checks(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for fields in checks:
        try:
            check = Check(**fields)
        except TypeError as error:
            raise ValueError(f"a check that is none: {error}") from error
        for text in (check.gate, check.name, check.slice, check.advice):
            if not isinstance(text, str) or not text.isprintable():
                raise ValueError(f"a check with {text!r} where a line is expected")
    return checks


@dataclass(frozen=True, config=_READ)
class NodeSummary:
    """How a node ended."""

    id: Line
    state: Line
    seconds: float
    cached: bool = False


@dataclass(frozen=True, config=_READ)
class ModelSummary:
    """Where the model was pushed, if it was, and its size, if one was trained."""

    path: Line | None = None
    version: Version = None
    parameters: int | None = None


@dataclass(frozen=True, config=_READ)
class ServingSummary:
    """Whether the model of a run served at its end; see ``publication``."""

    state: Line


@dataclass(frozen=True, config=_READ)
class RunSummary:
    """What a run wrote down; ``config`` and ``digests`` are new in 2026-11-23.

    Attributes:
      run_id: names the run.
      pipeline: name of its pipeline.
      status: how it ended, as ``outcome`` says it.
      components: the nodes in order.
      data: examples by split.
      metrics: of the model, if it was evaluated.
      baseline: of the model that it was compared with, if there was one.
      checks: of every gate that looked.
      model: what was trained and pushed.
      seconds: from start to end.
      versions: of Python and libraries.
      classes: names of the classes.
      config: all settings; None where an older release wrote none.
      digests: of code, data and schema.
      started: when; None where an older release wrote none.
      serving: what served at the end; None where the run pushed nothing, or an older
        release wrote none.
    """

    run_id: Line
    pipeline: Line
    status: Annotated[Line, AfterValidator(_known_status)]
    components: list[NodeSummary]
    data: dict[Line, int]
    metrics: Metrics | None
    baseline: Metrics | None
    checks: Annotated[list[dict[str, Any]], AfterValidator(_check_checks)]
    model: ModelSummary
    seconds: float
    versions: dict[Line, Line]
    classes: ClassNames = DIGITS
    config: dict[str, Any] | None = None
    digests: dict[Line, Line] | None = None
    started: datetime | None = None
    serving: ServingSummary | None = None


_SUMMARY = TypeAdapter(RunSummary)


def read_summary(reports: Path, run_id: str) -> RunSummary | None:
    """Returns what a run wrote down, or None where it wrote nothing.

    Raises:
      PipelineError: the file is damaged or that of another run.
    """
    found = read_summary_with_content(reports, run_id)
    return found and found[0]


def read_summary_with_content(
    reports: Path, run_id: str
) -> tuple[RunSummary, dict[str, Any]] | None:
    """Returns what a run wrote down, checked, and all of it as JSON values.

    Raises:
      PipelineError: the file is damaged or that of another run.
    """
    file = reports / run_id / SUMMARY_FILE
    try:
        content = file.read_bytes()
        summary = _SUMMARY.validate_json(content)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise PipelineError(
            f"Expected the summary of a run in {file}. Received: {_reason(error)}. "
            f"Restore it, or remove {file.parent}."
        ) from error
    if summary.run_id != run_id:
        raise PipelineError(
            f"Expected {file} to be of run {run_id}. Received: of {summary.run_id}. "
            "Restore it, or remove it."
        )
    return summary, json.loads(content)


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return plain_problems(error)
