"""Which published model DataAudit asks about new data, and what it was made of."""

import logging
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import Artifact

from components.artifact_files import has_files
from components.errors import PipelineError
from components.publishing.baseline import ModelFinder
from components.publishing.pushes import MODEL, pushes
from components.publishing.serving import Serving, serving_of
from components.publishing.store import ModelStore

EXAMPLES = "examples"

Artifacts = dict[str, list[Artifact]]
_log = logging.getLogger(__name__)


class PreviousModelStrategy(ResolverStrategy):
    """Resolves to the newest published model of other data, and to that data.

    Were it the one that serves, whatever it was trained on, a run with nothing changed
    would ask the model that it pushed itself, and never be cached. A published model of
    these data whose run was told that their meaning may have changed, hides those
    before it: of them no answer is expected any more.
    """

    def __init__(
        self,
        serving: str,
        artifacts: str,
        pipeline: str,
        data: str,
        rebaseline: bool = False,
    ) -> None:
        """Takes what a resolver's ``config`` says.

        Args:
          serving: folder of the model store.
          artifacts: root of all artifacts.
          pipeline: its name.
          data: digest of the data of this run.
          rebaseline: whether this run was told so itself; then it finds what it
            found before it published, so that it is cached when it is repeated.
        """
        self._store = ModelStore(serving)
        self._artifacts = Path(artifacts)
        self._pipeline = pipeline
        self._data = data
        self._rebaseline = rebaseline

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: Artifacts
    ) -> Artifacts:
        """Returns the model and its examples, or none of either.

        Args:
          store: the metadata store.
          input_dict: ``model`` and ``examples``, all there are.
        """
        finder = ModelFinder(
            artifacts=self._artifacts,
            models=input_dict[MODEL],
            pushes=pushes(store, self._pipeline),
        )
        for version in reversed(self._store.versions()):
            serving = self._whole(version)
            if serving is None or serving.manifest is None:
                continue
            if serving.manifest.digests.get("data") == self._data:
                if serving.manifest.rebaseline and not self._rebaseline:
                    break
                continue
            if (model := finder.find(serving)) is not None:
                _log.info("records are shown to the model of version %d", version)
                return {
                    MODEL: [model],
                    EXAMPLES: _read_by_maker(store, model, input_dict[EXAMPLES]),
                }
        return {MODEL: [], EXAMPLES: []}

    def _whole(self, version: int) -> Serving | None:
        """Returns a version that is whole; None for others."""
        try:
            serving = serving_of(self._store, version)
        except (OSError, PipelineError):
            return None
        return None if serving.problem else serving


def _read_by_maker(
    store: MetadataStore, model: Artifact, examples: list[Artifact]
) -> list[Artifact]:
    """Returns those of some examples that the node read which made a model."""
    if not model.id:
        return []
    makers = [
        event.execution_id
        for event in store.get_events_by_artifact_ids([model.id])
        if event.type == mlmd.Event.OUTPUT
    ]
    if not makers:
        return []
    read = {
        event.artifact_id
        for event in store.get_events_by_execution_ids(makers)
        if event.type == mlmd.Event.INPUT and event.path.steps[0].key == EXAMPLES
    }
    found = [one for one in examples if one.id in read and has_files(one.uri)]
    return sorted(found, key=lambda one: one.id)[-1:]
