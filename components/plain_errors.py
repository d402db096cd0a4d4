"""Says in plain words why a file that was read back is not what it should be."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

_KINDS = {
    "text": ("string_type",),
    "whole number": ("int_type", "int_parsing", "int_from_float"),
    "number": ("float_type", "float_parsing"),
    "true or false": ("bool_type", "bool_parsing"),
    "list": ("list_type", "tuple_type"),
    "table": ("dict_type", "dataclass_type", "dataclass_exact_type"),
    "time with its zone": ("datetime_parsing", "datetime_type", "timezone_aware"),
}
_EXPECTED = {error: kind for kind, errors in _KINDS.items() for error in errors}
# Of those that say more than what kind of value it is.
_OTHERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda context: "missing",
    "unexpected_keyword_argument": lambda context: "unknown",
    "extra_forbidden": lambda context: "unknown",
    "json_invalid": lambda context: f"no JSON: {context['error']}",
    "value_error": lambda context: str(context["error"]),
    "greater_than": lambda context: f"not above {context['gt']:g}",
    "greater_than_equal": lambda context: f"below {context['ge']:g}",
    "less_than": lambda context: f"not below {context['lt']:g}",
    "less_than_equal": lambda context: f"above {context['le']:g}",
    "too_short": lambda context: "empty",
    "string_pattern_mismatch": lambda context: "text of another form",
}


def plain_problems(error: ValidationError, most: int = 1) -> str:
    """Returns the first problems, each with its place, like ``metrics.loss: missing``.

    Args:
      error: of a check of values.
      most: how many are named.
    """
    found = error.errors(include_url=False)
    shown = "; ".join(map(_plain, found[:most]))
    rest = len(found) - most
    return f"{shown}; and {rest} more" if rest > 0 and most > 1 else shown


def _plain(problem: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"]))
    kind = _EXPECTED.get(problem["type"])
    if kind is not None:
        what = f"no {kind}" if place else f"a value that is no {kind}"
    elif problem["type"] in _OTHERS:
        what = _OTHERS[problem["type"]](problem.get("ctx", {}))
    else:
        what = problem["msg"]
    return f"{place}: {what}" if place else what
