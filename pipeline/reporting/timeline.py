"""The timeline of nodes on the page."""

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen
class Span:
    """A node, or what came before or after all of them.

    Attributes:
      name: of the node.
      state: how it ended.
      seconds: how long it took.
      start: when it began, as a share of the whole run.
      share: how much of the whole run it took.
      index: its place among the summary's ``components``; None for what is no node.
    """

    name: str
    state: str
    seconds: float
    start: float
    share: float
    index: int | None


def timeline(summary: Mapping[str, Any]) -> list[Span]:
    """Lays out the nodes one after the other, after the time that none of them took.

    Args:
      summary: its ``seconds`` count from the start of the command to the end of the
        last node.
    """
    nodes = summary["components"]
    work = sum(node["seconds"] for node in nodes)
    before = max(summary["seconds"] - work, 0.0)
    total = before + work or 1.0
    spans = [Span("start-up", "done", before, 0.0, before / total, None)]
    now = before
    for index, node in enumerate(nodes):
        name, state, seconds = node["id"], node["state"], node["seconds"]
        spans.append(Span(name, state, seconds, now / total, seconds / total, index))
        now += seconds
    return spans
