"""Which data DataGate compares this run's data with."""

from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import Artifact

from components.artifact_files import has_files

VERDICT = "verdict"
STATISTICS = "statistics"
STATISTICS_ID = "statistics_id"
REBASELINE = "rebaseline"

Artifacts = dict[str, list[Artifact]]


class PreviousDataStrategy(ResolverStrategy):
    """Resolves to the latest verdict on other data than this run's, if it is whole.

    Were it the latest of all, a run with nothing changed would compare its cached
    data with itself, and so run DataGate again. Data that was accepted by a run which
    was told that it may mean something else is compared with none before it any more.
    """

    def __init__(self, rebaseline: bool = False) -> None:
        """Takes what a resolver's ``config`` says.

        Args:
          rebaseline: whether this run was told so itself; then it finds what it found
            before, so that it is cached when it is repeated.
        """
        self._rebaseline = rebaseline

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Artifacts:
        """Returns the verdict, or none where there is none, and the statistics.

        Args:
          store: the metadata store.
          input_dict: ``verdict``, all there are, and ``statistics``, of this run.
        """
        current = {artifact.id for artifact in input_dict[STATISTICS]}
        found: list[Artifact] = []
        for verdict in sorted(
            input_dict[VERDICT], key=lambda one: one.id, reverse=True
        ):
            if verdict.get_int_custom_property(STATISTICS_ID) not in current:
                if has_files(verdict.uri):
                    found = [verdict]
                    break
            elif verdict.get_int_custom_property(REBASELINE) and not self._rebaseline:
                break
        return {VERDICT: found, STATISTICS: input_dict[STATISTICS]}
