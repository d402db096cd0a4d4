"""What became of the records of a list: ``data verify --records`` calls it.

A record is known by its image, so that it is found in whatever file it is now.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import attrs

from components.data.audit_files import image_sha256
from components.data.audit_findings import REPEATS
from components.image_spec import ImageSpec
from pipeline.datasets.example_files import read_examples
from pipeline.datasets.shards import split_files
from pipeline.datasets.suspects_file import Suspect

STATES = ("there", "other label", "gone")
_THERE, _RELABELLED, _GONE = STATES


@attrs.frozen
class Listed:
    """A record of a list, and what became of it.

    Attributes:
      suspect: as the list has it.
      state: ``there``, as it was; ``other label``; or ``gone``.
      labels: that its image has in the split now.
    """

    suspect: Suspect
    state: str
    labels: tuple[int, ...]


def find_listed(
    folder: Path, suspects: Sequence[Suspect], spec: ImageSpec
) -> list[Listed]:
    """Looks for the image of each record in its split.

    One that repeats another is gone as soon as only one of them is there.

    Args:
      folder: of a data set.
      suspects: the list.
      spec: what each record holds.

    Raises:
      DatasetError: the data set has no file, or one is damaged.
    """
    wanted = {suspect.image_sha256 for suspect in suspects}
    labels: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for split, paths in split_files(folder).items():
        for path in paths:
            for _, _, images, found in read_examples(path, spec):
                for image, label in zip(images, found.tolist(), strict=True):
                    digest = image_sha256(image)
                    if digest in wanted:
                        labels[split, digest][label] += 1
    return [_listed(one, labels[one.split, one.image_sha256]) for one in suspects]


def _listed(suspect: Suspect, labels: Counter[int]) -> Listed:
    state = _THERE if suspect.label in labels else _RELABELLED
    if labels.total() <= (suspect.finding == REPEATS):
        state = _GONE
    return Listed(suspect, state, tuple(sorted(labels)))
