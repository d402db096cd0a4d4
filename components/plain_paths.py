"""Paths that hold brackets, stars or backslashes, for libraries that match patterns.

TensorFlow takes the prefix of a checkpoint for a pattern, and so any SavedModel's; TFMA
does so with its results, and Beam with whatever it reads or writes.
"""

import contextlib
import itertools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx.types import Artifact

ArtifactsByKey = dict[str, list["Artifact"]]

_PATTERN = re.compile(r"[*?\[\\]")


def may_be_a_pattern(path: str) -> bool:
    """Whether a library may take a path for a pattern of paths."""
    return _PATTERN.search(path) is not None


@contextlib.contextmanager
def plain_path(folder: Path | str) -> Iterator[str]:
    """Yields a path of a folder that nothing takes for a pattern.

    It is the folder's own where that will do, otherwise a link in a temporary folder,
    which is gone afterwards.
    """
    if not may_be_a_pattern(str(folder)):
        yield str(folder)
        return
    usual = tempfile.gettempdir()
    place = "/tmp" if may_be_a_pattern(usual) else usual
    with tempfile.TemporaryDirectory(dir=place) as temporary:
        link = Path(temporary, "link")
        link.symlink_to(Path(folder).absolute(), target_is_directory=True)
        yield str(link)


@contextlib.contextmanager
def plain_uris(*tables: ArtifactsByKey) -> Iterator[None]:
    """Within it, no URI of these artifacts can be taken for a pattern."""
    with contextlib.ExitStack() as stack:
        lists = itertools.chain(*(table.values() for table in tables))
        for artifact in itertools.chain(*lists):
            # Put back when the link is gone.
            stack.callback(setattr, artifact, "uri", artifact.uri)
            artifact.uri = stack.enter_context(plain_path(artifact.uri))
        yield


class PlainPathsExecutor:
    """Mixed into an executor of TFX: it works in whatever folder."""

    def Do(  # noqa: N802
        self,
        input_dict: ArtifactsByKey,
        output_dict: ArtifactsByKey,
        exec_properties: dict[str, Any],
    ) -> None:
        """Does what the executor does."""
        with plain_uris(input_dict, output_dict):
            super().Do(input_dict, output_dict, exec_properties)  # type: ignore[misc]
