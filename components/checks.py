"""A check: one value held to one bound by a gate; how checks are kept and shown."""

import json
import logging
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from components.errors import PipelineError
from components.gates import gate_of

if TYPE_CHECKING:
    from tfx.types import Artifact

CHECKS_FILE = "checks.json"

Policy = Literal["error", "warn", "off"]
# Whether a bound is the least or the largest value allowed; empty where it is neither.
Direction = Literal["at least", "at most", ""]
_SIGNS = {"at least": "≥ ", "at most": "≤ "}
# As TFX's InfraValidator writes them and tfx.components.util.model_utils reads them.
_BLESSED = "blessed"
_BLESSING_FILES = ("INFRA_NOT_BLESSED", "INFRA_BLESSED")
# Standard deviations of a share or a mean that chance may add to a bound.
SIGMA = 3.0
_log = logging.getLogger(__name__)


@attrs.frozen
class Check:
    """One value that a gate held to one bound.

    Attributes:
      gate: id of the gate that looked, see ``gates``.
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

    gate: str
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
    def seen(self) -> str:
        """The value as people read it."""
        return "could not be computed" if self.value is None else _number(self.value)

    @property
    def allowed(self) -> str:
        """The bound as people read it, like ``≥ 0.98``."""
        return f"{_SIGNS.get(self.direction, '')}{_number(self.bound)}"

    @property
    def stops(self) -> bool:
        """Whether this check refuses what it looked at."""
        return not self.passed and self.policy == "error"

    def __str__(self) -> str:
        return (
            f"{self.gate} gate: {self.name}, {self.slice}: {self.seen}, "
            f"bound {self.allowed}"
        )


class GateError(PipelineError):
    """A gate refused: the data, or a training that gave no model.

    Attributes:
      checks: every check that it made, passed or not; at least one.
      gate: that made them.
    """

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = tuple(checks)
        self.gate = gate_of(self.checks[0].gate)
        self.exit_code = self.gate.exit_code
        super().__init__(refusal_text(self.checks))


def widened(bound: float, count: float) -> float:
    """Returns the bound of a share, with room for what chance does to a sample.

    Args:
      bound: the largest share allowed, in [0, 1].
      count: records that the share is measured on.
    """
    if not count:
        return bound
    return min(bound + SIGMA * math.sqrt(bound * (1 - bound) / count), 1.0)


def graded(
    warn: tuple[str, float],
    stop: tuple[str, float],
    advice: str,
    *,
    value: float,
    policy: Policy,
    direction: Direction = "at most",
    **fields: Any,
) -> Check:
    """Holds a value to two bounds: beyond the first it is shown, the second stops.

    Args:
      warn: name of the setting that bounds what is shown, and the bound.
      stop: the same for what stops.
      advice: what is wrong and what to do, whole sentences; ``{setting}`` in it stands
        for raising, or lowering, the setting that the value is beyond.
      value: as in the check.
      policy: of a value beyond the second bound.
      direction: as in the check.
      **fields: the others of the check.
    """
    sign = -1 if direction == "at least" else 1
    passed = sign * value <= sign * warn[1]
    stops = sign * value > sign * stop[1]
    setting, bound = stop if passed or stops else warn
    change = "lower" if direction == "at least" else "raise"
    return Check(
        value=value,
        bound=bound,
        passed=passed,
        policy=policy if stops or passed else "warn",
        advice="" if passed else advice.replace("{setting}", f"{change} {setting}"),
        direction=direction,
        **fields,
    )


def refusal_text(checks: Iterable[Check]) -> str:
    """Returns the checks that stop, a line each, then what to do next."""
    stopping = [check for check in checks if check.stops]
    advice = dict.fromkeys(check.advice for check in stopping if check.advice)
    return "\n".join([*map(str, stopping), *advice])


def write_checks(directory: str | Path, checks: Iterable[Check]) -> None:
    """Writes checks beside the other files of an artifact."""
    content = json.dumps([attrs.asdict(check) for check in checks], indent=2)
    (Path(directory) / CHECKS_FILE).write_text(content + "\n", encoding="utf-8")


def bless(blessing: "Artifact", checks: Sequence[Check]) -> None:
    """Writes checks as the verdict on a model, and blesses it where none stops.

    Args:
      blessing: an ``InfraBlessing``; gets ``checks.json`` and the files and property
        of InfraValidator's.
      checks: that were made.
    """
    for check in checks:
        if not check.passed:
            _log.warning("%s", check)
    blessed = int(not any(check.stops for check in checks))
    write_checks(blessing.uri, checks)
    (Path(blessing.uri) / _BLESSING_FILES[blessed]).touch()
    blessing.set_int_custom_property(_BLESSED, blessed)


def read_checks(directory: str | Path) -> list[Check]:
    """Reads the checks of an artifact; none where it has no such file."""
    file = Path(directory) / CHECKS_FILE
    if not file.is_file():
        return []
    return [Check(**fields) for fields in json.loads(file.read_text(encoding="utf-8"))]


def _number(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
