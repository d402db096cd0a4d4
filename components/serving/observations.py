"""What a probe wrote and how it ended; ``process`` and ``check`` read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs


@attrs.frozen
class ProbeEnd:
    """How the probe's process ended.

    Attributes:
      seconds: wall time from its start.
      exit_code: of the process, negative for a signal; None where it was killed
        because its time was up.
      last_line: the last that it wrote, but for TensorFlow's notes.
    """

    seconds: float
    exit_code: int | None
    last_line: str = ""


@attrs.frozen
class Observations:
    """What the probe wrote.

    Attributes:
      ended: the line of each step that ended, by slice and step.
      doing: slice and step of the last line; None before the first.
    """

    ended: Mapping[tuple[str, str], Mapping[str, Any]]
    doing: tuple[str, str] | None = None

    def seen(self, part: str, step: str) -> Any:
        """Returns what a step saw; None where it failed or did not end."""
        return self.ended.get((part, step), {}).get("seen")


def read_observations(file: Path) -> Observations:
    """Reads the probe's lines; a last one that is cut off does not count."""
    ended, doing = {}, None
    for text in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            break
        doing = line["slice"], line["step"]
        if line["state"] == "ended":
            ended[doing] = line
    return Observations(ended, doing)
