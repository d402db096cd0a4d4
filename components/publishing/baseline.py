"""Which model the Evaluator compares a candidate with, and a warm start goes on from.

The one that serves; where none does, the last one that the gates blessed.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import attrs
from ml_metadata.metadata_store import MetadataStore
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types import Artifact

from components.artifact_files import has_files
from components.errors import PipelineError
from components.gates import BLESSING_GATES
from components.gates import MODEL as EVALUATION
from components.publishing.choice import Choice, write_choice
from components.publishing.pushes import MODEL, Push, models_of, pushes
from components.publishing.served_model import holds, import_served
from components.publishing.serving import Serving, find_serving, rolled_back_from
from components.publishing.store import ModelStore

CANDIDATE = "candidate"
MODEL_BLESSING = "model_blessing"
INFRA_BLESSING = "infra_blessing"
CHOICE = "choice"

Artifacts = dict[str, list[Artifact]]
_log = logging.getLogger(__name__)


class ServingModelStrategy(ResolverStrategy):
    """Resolves to the model that serves, and writes down why it is that one.

    Where the candidate itself serves, or was just rolled back from, it resolves to
    the model that the candidate was accepted against: a run with nothing changed is
    then cached, and never compares a model with itself.
    """

    def __init__(
        self, serving: str, artifacts: str, pipeline: str, skip: bool = False
    ) -> None:
        """Takes what a resolver's ``config`` says.

        Args:
          serving: folder of the model store.
          artifacts: root of all artifacts; models that are known to the model store
            alone are imported into it.
          pipeline: its name.
          skip: whether the run was told to have no baseline.
        """
        self._store = ModelStore(serving)
        self._artifacts = Path(artifacts)
        self._pipeline = pipeline
        self._skip = skip

    def resolve_artifacts(
        self, store: MetadataStore, input_dict: Artifacts
    ) -> Artifacts:
        """Returns the model, or none, the candidate and why.

        Args:
          store: the metadata store.
          input_dict: ``model``, ``model_blessing``, ``infra_blessing`` and
            ``choice``, all there are, and ``candidate``, the model of this run,
            once there is one.
        """
        chooser = _Chooser(
            self._store, self._artifacts, self._pipeline, store, input_dict
        )
        try:
            model, choice = self._choose(chooser)
        except (OSError, PipelineError) as error:
            # TFX says of a resolver that failed no more than that it did.
            _log.error("cannot tell which model serves: %s", error)
            raise
        purpose = "compared with" if CANDIDATE in input_dict else "start from"
        _log.info("%s %s", purpose, choice.why)
        return {
            **{key: [] for key in input_dict},
            **{key: input_dict[key] for key in (CANDIDATE,) if key in input_dict},
            MODEL: [model] if model else [],
            CHOICE: [write_choice(choice, self._artifacts, input_dict[CHOICE])],
        }

    def _choose(self, chooser: "_Chooser") -> tuple[Artifact | None, Choice]:
        if self._skip:
            return None, Choice("no model, as --rebaseline asks")
        return chooser.choose()


@attrs.define(slots=False)
class _Chooser:
    """One choice, from what serves and what the metadata store knows.

    Attributes:
      store: the published versions.
      artifacts: root of all artifacts.
      pipeline: its name.
      metadata: the metadata store.
      inputs: of ``resolve_artifacts``.
    """

    store: ModelStore
    artifacts: Path
    pipeline: str
    metadata: MetadataStore
    inputs: Artifacts

    def choose(self) -> tuple[Artifact | None, Choice]:
        """Returns the model, or None, and why."""
        model, choice = self._serving_model()
        if model is None:
            lack = self._lack or "the version that serves could not be copied"
            model, choice = self._last_blessed(
                self.inputs[MODEL],
                f"the last model that the gates blessed{{}}, since {lack}",
                f"no model: {lack}, and the gates blessed none",
            )
        candidate = self._candidate
        if candidate is None:
            return model, choice
        if model is not None and model.id == candidate.id:
            return self._accepted_against(
                candidate, self._lack or "this one serves already"
            )
        if self._rolled_back == candidate.id:
            return self._accepted_against(
                candidate, "a rollback took this one out of service"
            )
        return model, choice

    @cached_property
    def _candidate(self) -> Artifact | None:
        return next(iter(self.inputs.get(CANDIDATE, ())), None)

    @cached_property
    def _serving(self) -> Serving | None:
        return find_serving(self.store)

    @property
    def _lack(self) -> str:
        """Why there is no model that serves; empty where there is a whole one."""
        if self._serving is None:
            return "none serves"
        version = self._serving.version
        return f"version {version} is not whole" if self._serving.problem else ""

    @cached_property
    def _pushes(self) -> list[Push]:
        return pushes(self.metadata, self.pipeline)

    @property
    def _finder(self) -> "ModelFinder":
        candidate = self._candidate.id if self._candidate else None
        return ModelFinder(self.artifacts, self.inputs[MODEL], self._pushes, candidate)

    @property
    def _rolled_back(self) -> int | None:
        return rolled_back_from(self.store, self._serving, self._pushes)

    def _serving_model(self) -> tuple[Artifact | None, Choice]:
        serving = self._serving
        if serving is None:
            return None, Choice("")
        why = f"the model that serves, version {serving.version}"
        if serving.rollback:
            why += f", a copy of {serving.original}"
        choice = Choice(why, serving.version)
        return self._finder.find(serving), choice

    def _last_blessed(
        self, models: Iterable[Artifact], why: str, why_none: str
    ) -> tuple[Artifact | None, Choice]:
        """Returns the one of some models that the gates blessed last, and why.

        Args:
          models: of which it is one.
          why: that one, with ``{}`` where its version is to stand.
          why_none: where there is none.
        """
        by_id = {model.id: model for model in models}
        fit = self._fit_to_serve
        for blessing in self._blessings:
            model = by_id.get(blessing.get_int_custom_property("current_model_id"))
            if model and model.id in fit and _has_files(model):
                return model, self._choice(why, model)
        return None, Choice(why_none)

    @cached_property
    def _blessings(self) -> Sequence[Artifact]:
        """The Evaluator's that were given, newest first."""
        given = [
            blessing
            for blessing in self.inputs[MODEL_BLESSING]
            if blessing.get_int_custom_property("blessed") == 1
        ]
        return sorted(given, key=lambda blessing: blessing.id, reverse=True)

    @cached_property
    def _fit_to_serve(self) -> set[int]:
        """Ids of the models that every gate but the Evaluator blessed."""
        given: dict[str, list[int]] = defaultdict(list)
        for blessing in self.inputs[INFRA_BLESSING]:
            if blessing.get_int_custom_property("blessed") == 1:
                # TFX puts it into <node>/<output>/<execution>.
                given[Path(blessing.uri).parts[-3]].append(blessing.id)
        nodes = [gate.node for gate in BLESSING_GATES if gate is not EVALUATION]
        fit = [set(models_of(self.metadata, given[node]).values()) for node in nodes]
        return set.intersection(*fit)

    def _accepted_against(
        self, candidate: Artifact, what: str
    ) -> tuple[Artifact | None, Choice]:
        """Returns what the candidate was compared with when it was blessed, and why."""
        by_id = {model.id: model for model in self.inputs[MODEL]}
        for blessing in self._blessings:
            if blessing.get_int_custom_property("current_model_id") != candidate.id:
                continue
            before = blessing.get_int_custom_property("baseline_model_id")
            if not before:
                return None, Choice(f"no model, as when this one was accepted; {what}")
            if before in by_id and _has_files(by_id[before]):
                why = f"the model that this one was accepted against{{}}; {what}"
                return by_id[before], self._choice(why, by_id[before])
            break
        return self._last_blessed(
            [model for model in by_id.values() if model.id != candidate],
            f"the last other model that the gates blessed{{}}; {what}",
            f"no model: the gates blessed no other one; {what}",
        )

    def _choice(self, why: str, model: Artifact) -> Choice:
        """Puts the newest version that the model was pushed as into the words."""
        found = [push.version for push in self._pushes if push.model_id == model.id]
        version = found[-1] if found else None
        return Choice(why.format(f", version {version}" if found else ""), version)


@attrs.frozen
class ModelFinder:
    """Finds the artifact of a published version, or makes one of it.

    Attributes:
      artifacts: root of all artifacts.
      models: all there are.
      pushes: what the runs of the pipeline published.
      candidate: id of the model of this run, if there is one.
    """

    artifacts: Path
    models: Sequence[Artifact]
    pushes: Sequence[Push]
    candidate: int | None = None

    def find(self, serving: Serving) -> Artifact | None:
        """Returns the model of a version; None where its files are nowhere whole."""
        return self._known(serving) or self._import(serving)

    def _import(self, serving: Serving) -> Artifact | None:
        """Takes a model in that only the model store has left, or says why not."""
        if serving.problem:
            _log.warning(
                "version %d serves, but is not whole, and its model is nowhere else: "
                "%s",
                serving.version,
                serving.problem,
            )
            return None
        try:
            model = import_served(serving, self.artifacts)
        except (OSError, PipelineError) as error:
            _log.warning(
                "version %d serves, but could not be copied: %s", serving.version, error
            )
            return None
        _log.info("version %d is taken from %s", serving.version, serving.path)
        return model

    def _known(self, serving: Serving) -> Artifact | None:
        """Returns the artifact of the model that serves, where its files are left."""
        versions = {push.version: push.model_id for push in self.pushes}
        made = versions.get(serving.version, versions.get(serving.original))
        if serving.manifest is None:
            pushed = (model for model in self._newest_first if model.id == made)
            return next(filter(_has_files, pushed), None)
        # Most likely first, because files are read to tell.
        likely = {self.candidate: 0, made: 1}
        for model in sorted(self._newest_first, key=lambda m: likely.get(m.id, 2)):
            if holds(model.uri, serving):
                return model
        return None

    @property
    def _newest_first(self) -> list[Artifact]:
        return sorted(self.models, key=lambda model: model.id, reverse=True)


def _has_files(artifact: Artifact) -> bool:
    if has_files(artifact.uri):
        return True
    _log.warning("no baseline from %s: its files are gone", artifact.uri)
    return False
