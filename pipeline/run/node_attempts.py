"""How each node of a run ended, written down where every container can read it.

``node_runner`` writes one file a node; ``exit_handler`` reads them all.
"""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import attrs

from components.checks import Check, GateError
from components.durable import replace_text
from components.errors import PipelineError
from components.gates import REFUSAL_CODES
from pipeline.config import Config

if TYPE_CHECKING:
    from pipeline.local_runner import NodeResult, State


@attrs.frozen
class NodeAttempt:
    """The latest attempt to run a node.

    Attributes:
      id: the node's id.
      state: of its ``NodeResult``; before that, and for good where the attempt is
        killed, ``running``.
      started: when, in seconds since the epoch.
      seconds: wall time; 0 while it runs.
      code: what its process returned.
      message: what went wrong, as a person reads it.
      checks: what its gate looked at, where it is a gate that refused.
    """

    id: str
    state: str
    started: float = attrs.field(factory=time.time)
    seconds: float = 0.0
    code: int = 0
    message: str = ""
    checks: tuple[Check, ...] = ()

    def result(self) -> "NodeResult":
        """Returns what the summary of a run takes."""
        from pipeline.local_runner import NodeResult

        if self.state == "running":
            return NodeResult(self.id, "failed", self.seconds, _killed(self.id))
        if self.state != "failed":
            return NodeResult(self.id, cast("State", self.state), self.seconds)
        refused = self.code in REFUSAL_CODES and self.checks
        error = GateError(self.checks) if refused else PipelineError(self.message)
        return NodeResult(self.id, "failed", self.seconds, error)


def attempts_folder(config: Config) -> Path:
    """Returns the folder that holds a folder for each run."""
    return config.workspace / "runs"


class NodeAttempts:
    """The latest attempt of each node of one run, a JSON file each.

    Args:
      folder: is made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, attempt: NodeAttempt) -> None:
        """Puts the attempt of a node in the place of an earlier one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(attrs.asdict(attempt), indent=2) + "\n"
        replace_text(self.folder / f"{attempt.id}.json", text)

    def read(self, node_id: str) -> NodeAttempt | None:
        """Returns the latest attempt of a node, or None where it never started."""
        file = self.folder / f"{node_id}.json"
        return _read(file) if file.is_file() else None

    def results(self, node_ids: Iterable[str]) -> list["NodeResult"]:
        """Returns how each node ended, in the order asked for."""
        from pipeline.local_runner import NodeResult

        attempts = {node_id: self.read(node_id) for node_id in node_ids}
        return [
            attempt.result() if attempt else NodeResult(node_id, "not run")
            for node_id, attempt in attempts.items()
        ]

    def started(self) -> float:
        """Returns when the first node started, in seconds since the epoch."""
        attempts = map(_read, self.folder.glob("*.json"))
        return min((attempt.started for attempt in attempts), default=time.time())


def _read(file: Path) -> NodeAttempt:
    """Reads an attempt; one whose file is damaged has failed."""
    try:
        fields = json.loads(file.read_text(encoding="utf-8"))
        checks = tuple(Check(**check) for check in fields.pop("checks"))
        return NodeAttempt(**fields, checks=checks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = (
            f"Expected how {file.stem} ended in {file}. Received: a file that cannot "
            f"be read ({error}). Retry the node, or start a new run."
        )
        return NodeAttempt(file.stem, "failed", code=1, message=message)


def _killed(node_id: str) -> PipelineError:
    return PipelineError(
        f"Expected {node_id} to end. Received: its process is gone, and did not say "
        "why. Look whether its container ran out of memory, or was evicted or "
        "cancelled; then retry it, or start a new run."
    )
