"""Where a run and its artifacts come from, on the page."""

from pathlib import Path

import attrs

from pipeline.reporting.sources import Sources, UnavailableError


@attrs.frozen
class Made:
    """An artifact of the run.

    Attributes:
      node: that gave it.
      output: as which.
      run: that made it: this one, or an earlier one where the node was cached.
      place: where its files are.
      gone: whether they are gone.
    """

    node: str
    output: str
    run: str
    place: str
    gone: bool


def artifacts(sources: Sources) -> list[Made]:
    """Returns the artifacts of a run in the order of its nodes."""
    order = [node["id"] for node in sources.summary["components"]]
    found = sources.lineage.outputs()
    if not found:
        raise UnavailableError("The metadata store holds no artifact of this run.")
    return [
        Made(
            node,
            output,
            sources.lineage.maker(artifact.uri) or "unknown",
            artifact.uri,
            not Path(artifact.uri).exists(),
        )
        for (node, output), artifact in sorted(
            found.items(), key=lambda item: (order.index(item[0][0]), item[0][1])
        )
    ]
