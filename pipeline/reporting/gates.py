"""The checks of each gate on the page, a row for those that look alike."""

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Row:
    """Checks of one name and one bound.

    Attributes:
      name: what they look at.
      checks: each with its place in the summary's ``checks``.
    """

    name: str
    checks: list[tuple[int, Mapping[str, Any]]]

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """Those that did not pass."""
        return [check for _, check in self.checks if not check["passed"]]


@attrs.frozen
class GateChecks:
    """What one gate looked at.

    Attributes:
      name: its ``id`` in ``components.gates``.
      rows: in the order in which it looked.
    """

    name: str
    rows: list[Row]

    @property
    def total(self) -> int:
        """How many checks it made."""
        return sum(len(row.checks) for row in self.rows)

    @property
    def passed(self) -> int:
        """How many of them passed."""
        return self.total - sum(len(row.failed) for row in self.rows)


def gates(summary: Mapping[str, Any]) -> list[GateChecks]:
    """Groups the checks of a summary by gate, then by name and bound."""
    groups: dict[str, dict[tuple[str, Any], Row]] = {}
    for index, check in enumerate(summary["checks"]):
        rows = groups.setdefault(check["gate"], {})
        name = check["name"]
        row = rows.setdefault((name, check["bound"]), Row(name, []))
        row.checks.append((index, check))
    return [GateChecks(name, list(rows.values())) for name, rows in groups.items()]
