"""Which data DataGate compares this run's data with."""

from typing import Any

from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import Artifact

from components.artifact_files import has_files

VERDICT = "verdict"
STATISTICS = "statistics"
STATISTICS_ID = "statistics_id"

Artifacts = dict[str, list[Artifact]]


class PreviousDataStrategy(ResolverStrategy):
    """Resolves to the latest verdict on other data than this run's, if it is whole.

    Were it the latest of all, a run with nothing changed would compare its cached
    data with itself, and so run DataGate again.
    """

    def resolve_artifacts(self, store: Any, input_dict: Artifacts) -> Artifacts:
        """Returns the verdict, or none where there is none, and the statistics.

        Args:
          store: the metadata store.
          input_dict: ``verdict``, all there are, and ``statistics``, of this run.
        """
        current = {artifact.id for artifact in input_dict[STATISTICS]}
        others = [
            verdict
            for verdict in input_dict[VERDICT]
            if verdict.get_int_custom_property(STATISTICS_ID) not in current
            and has_files(verdict.uri)
        ]
        latest = sorted(others, key=lambda verdict: verdict.id)[-1:]
        return {VERDICT: latest, STATISTICS: input_dict[STATISTICS]}
