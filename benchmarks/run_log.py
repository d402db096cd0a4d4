"""Reads the epochs of a training off the log of its run."""

import itertools
import re
from datetime import datetime

import attrs

# As components.training.progress logs the end of an epoch.
_EPOCH = re.compile(
    r"^(\S+ \S+) I components\.training\.progress: "
    r"epoch \d+/\d+ .* ([\d,]+) examples/s",
    re.M,
)
_TIME = "%Y-%m-%d %H:%M:%S,%f"


@attrs.frozen
class Epochs:
    """The epochs of a training.

    Attributes:
      ends: when each of them ended, in seconds.
      first_rate: examples per second of the first one, compilation included.
    """

    ends: tuple[float, ...]
    first_rate: float

    def total(self, examples: int) -> float:
        """Returns seconds from the start of the first epoch to the end of the last.

        Args:
          examples: of one epoch.
        """
        return examples / self.first_rate + self.ends[-1] - self.ends[0]

    @property
    def later(self) -> list[float]:
        """Seconds of each epoch after the first: nothing is compiled there."""
        return [end - start for start, end in itertools.pairwise(self.ends)]


def read_epochs(log: str) -> Epochs:
    """Finds the epochs in a log.

    Args:
      log: lines as ``mnist-pipeline run`` or ``pipeline.node_runner`` writes them.

    Raises:
      ValueError: there is no epoch in it.
    """
    found = _EPOCH.findall(log)
    if not found:
        raise ValueError("Expected a log with the end of an epoch. Received: none.")
    ends = tuple(datetime.strptime(moment, _TIME).timestamp() for moment, _ in found)
    return Epochs(ends, float(found[0][1].replace(",", "")))
