"""Which model the Evaluator compares a candidate with."""

import logging
from pathlib import Path

from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (
    LatestBlessedModelStrategy,
)
from tfx.types import Artifact

CANDIDATE = "candidate"

Artifacts = dict[str, list[Artifact]]
_log = logging.getLogger(__name__)


class LatestOtherBlessedModelStrategy(LatestBlessedModelStrategy):
    """Resolves to the latest blessed model that is not the candidate itself.

    With the stock strategy a run with nothing changed would compare its cached
    model with itself, and so run the Evaluator again. Models whose files are gone
    are passed over, with a warning.
    """

    def resolve_artifacts(self, store, input_dict: Artifacts) -> Artifacts:
        """Returns the baseline and the candidate; no baseline where there is none.

        Args:
          store: the metadata store.
          input_dict: ``model`` and ``model_blessing``, all there are, and
            ``candidate``, the model of this run, once there is one.
        """
        candidate = (
            {CANDIDATE: input_dict[CANDIDATE]} if CANDIDATE in input_dict else {}
        )
        candidates = {artifact.id for artifact in candidate.get(CANDIDATE, [])}
        others = {
            key: [a for a in artifacts if a.id not in candidates and _has_files(a)]
            for key, artifacts in input_dict.items()
            if key != CANDIDATE
        }
        return {**super().resolve_artifacts(store, others), **candidate}


def _has_files(artifact: Artifact) -> bool:
    if Path(artifact.uri).is_dir():
        return True
    _log.warning("no baseline from %s: its files are gone", artifact.uri)
    return False
