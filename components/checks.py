"""A check: one value held to one bound by a gate; how checks are kept and shown."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import attrs

from components.errors import PipelineError

CHECKS_FILE = "checks.json"

Gate = Literal["data", "model", "serving"]
Policy = Literal["error", "warn", "off"]
# Whether a bound is the least or the largest value allowed; empty where it is neither.
Direction = Literal["at least", "at most", ""]
_SIGNS = {"at least": "≥ ", "at most": "≤ "}


@attrs.frozen
class Check:
    """One value that a gate held to one bound.

    Attributes:
      gate: which gate looked.
      name: what it looked at, like ``accuracy`` or ``leakage``.
      slice: where: a split, a pair of splits, ``overall``, a digit, a signature.
      value: what it saw; None where that could not be computed.
      bound: what it allows.
      passed: whether the value keeps to the bound.
      policy: a failed ``warn`` is shown, a failed ``error`` stops.
      advice: what to do next when it failed; whole sentences.
      baseline: the same value of the model or data compared with, if any.
      direction: whether the bound is the least or the largest value allowed.
    """

    gate: Gate
    name: str
    slice: str
    value: float | str | None
    bound: float | str
    passed: bool
    policy: Policy = "error"
    advice: str = ""
    baseline: float | None = None
    direction: Direction = ""

    @property
    def allowed(self) -> str:
        """The bound as people read it, like ``≥ 0.98``."""
        return f"{_SIGNS.get(self.direction, '')}{_number(self.bound)}"

    @property
    def stops(self) -> bool:
        """Whether this check refuses what it looked at."""
        return not self.passed and self.policy == "error"

    def __str__(self) -> str:
        value = "could not be computed" if self.value is None else _number(self.value)
        return (
            f"{self.gate} gate: {self.name}, {self.slice}: {value}, "
            f"bound {self.allowed}"
        )


class GateError(PipelineError):
    """A gate refused; holds every check that it made, passed or not."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = tuple(checks)
        stopping = [check for check in self.checks if check.stops]
        advice = dict.fromkeys(check.advice for check in stopping if check.advice)
        super().__init__("\n".join([*map(str, stopping), *advice]))


class DataRejectedError(GateError):
    """The data is not fit to train on."""

    exit_code = 3


class ModelRejectedError(GateError):
    """There is no model that could be evaluated."""

    exit_code = 4


def write_checks(directory: str | Path, checks: Iterable[Check]) -> None:
    """Writes checks beside the other files of an artifact."""
    content = json.dumps([attrs.asdict(check) for check in checks], indent=2)
    (Path(directory) / CHECKS_FILE).write_text(content + "\n", encoding="utf-8")


def read_checks(directory: str | Path) -> list[Check]:
    """Reads the checks of an artifact; none where it has no such file."""
    file = Path(directory) / CHECKS_FILE
    if not file.is_file():
        return []
    return [Check(**fields) for fields in json.loads(file.read_text(encoding="utf-8"))]


def _number(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
