"""ModelAudit on the page: weak spots, meaning of the data, unknown pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from components.evaluation.audit_files import (
    MEANING,
    MISTAKES_FILE,
    UNKNOWN,
    UNKNOWN_FILE,
    read_model_audit,
)
from pipeline.reporting import thumbnails
from pipeline.reporting.sources import Sources, UnavailableError


@attrs.frozen
class WeakSpots:
    """How good the model is on parts of the test split.

    Attributes:
      slices: fields of ``weak_spots.SliceResult``, the worst first.
      mistakes: name of the worst slice, count of its mistakes, and how many are shown;
        None where there are none.
      sheet: data URI of them; empty where there are none.
    """

    slices: list[dict[str, Any]]
    mistakes: Mapping[str, Any] | None
    sheet: str


@attrs.frozen
class Unknown:
    """How often the model is sure of pictures that show none of its classes.

    Attributes:
      kinds: by kind, how many ``pictures`` and of how many it is ``sure``.
      sheet: data URI of the latter; empty where there are none.
    """

    kinds: Mapping[str, Mapping[str, int]]
    sheet: str


def weak_spots(sources: Sources) -> WeakSpots:
    """Returns the slices, and the worst mistakes of the worst of them."""
    folder = sources.folder("ModelAudit", "blessing")
    found = read_model_audit(folder)
    if not found["slices"]:
        raise UnavailableError("Not measured: the test split is too small for slices.")
    return WeakSpots(
        sorted(found["slices"], key=lambda one: one["accuracy"]),
        found["mistakes"],
        _sheet(folder / MISTAKES_FILE),
    )


def meaning(sources: Sources) -> Mapping[str, Any]:
    """Returns the accuracies on new and earlier data, as ``meaning.Comparison``."""
    found = read_model_audit(sources.folder("ModelAudit", "blessing"))
    if MEANING not in found:
        raise UnavailableError(
            "Nothing to compare with: no model was published of other data."
        )
    if why := found[MEANING].get("not_compared"):
        raise UnavailableError(f"Not compared: {why}.")
    return found[MEANING]


def unknown(sources: Sources) -> Unknown:
    """Returns what the model was sure of though it shows none of its classes."""
    folder = sources.folder("ModelAudit", "blessing")
    kinds = read_model_audit(folder).get(UNKNOWN)
    if not kinds:
        raise UnavailableError("Not measured: the model was shown no such pictures.")
    return Unknown(kinds, _sheet(folder / UNKNOWN_FILE))


def _sheet(file: Path) -> str:
    return thumbnails.embed(file.read_bytes()) if file.is_file() else ""
