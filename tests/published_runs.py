"""Runs that train, judge and publish in a second: TFX's launcher, our resolver and
Pusher, and stand-ins for the nodes between them."""

from pathlib import Path
from typing import Any, ClassVar

import attrs
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing

from components.artifacts import ModelChoice
from components.publishing.baseline import ServingModelStrategy
from components.publishing.choice import Choice, read_choice
from components.publishing.pusher import Pusher
from components.publishing.store import ModelStore
from pipeline.local_runner import NodeResult, run_nodes
from pipeline.metadata.lineage import RunLineage
from pipeline.metadata.store import sqlite_connection
from pipeline.run.publication import Publication, read_publication

PIPELINE = "mnist"


class _Train(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties) -> None:  # noqa: N802
        export = Path(output_dict["model"][0].uri) / "Format-Serving"
        (export / "variables").mkdir(parents=True)
        (export / "saved_model.pb").write_bytes(b"graph")
        recipe = exec_properties["recipe"].encode()
        (export / "variables" / "variables.index").write_bytes(recipe)


class _TrainSpec(ComponentSpec):
    PARAMETERS: ClassVar = {"recipe": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {}
    OUTPUTS: ClassVar = {"model": ChannelParameter(type=Model)}


class FakeTrainer(BaseComponent):
    """Makes a model of the text that it is told."""

    SPEC_CLASS = _TrainSpec
    EXECUTOR_SPEC = ExecutorClassSpec(_Train)

    def __init__(self, recipe: str) -> None:
        super().__init__(_TrainSpec(recipe=recipe, model=Channel(type=Model)))


class _Judge(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties) -> None:  # noqa: N802
        [blessing] = output_dict["blessing"]
        blessing.set_int_custom_property("blessed", exec_properties["verdict"])
        [model] = input_dict["model"]
        blessing.set_int_custom_property("current_model_id", model.id)
        for baseline in input_dict.get("baseline_model", ()):
            blessing.set_int_custom_property("baseline_model_id", baseline.id)


class _EvaluatorSpec(ComponentSpec):
    PARAMETERS: ClassVar = {"verdict": ExecutionParameter(type=int)}
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=Model),
        "baseline_model": ChannelParameter(type=Model, optional=True),
    }
    OUTPUTS: ClassVar = {"blessing": ChannelParameter(type=ModelBlessing)}


class FakeEvaluator(BaseComponent):
    """Gives the verdict that it is told, and notes the baseline as TFX's does."""

    SPEC_CLASS = _EvaluatorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(_Judge)

    def __init__(self, verdict: int, **inputs: Any) -> None:
        blessing = Channel(type=ModelBlessing)
        super().__init__(_EvaluatorSpec(verdict=verdict, blessing=blessing, **inputs))


class _ServingCheckSpec(ComponentSpec):
    PARAMETERS: ClassVar = {"verdict": ExecutionParameter(type=int)}
    INPUTS: ClassVar = {"model": ChannelParameter(type=Model)}
    OUTPUTS: ClassVar = {"blessing": ChannelParameter(type=InfraBlessing)}


class FakeServingCheck(BaseComponent):
    """Gives the verdict that it is told; stands in for ModelAudit, too."""

    SPEC_CLASS = _ServingCheckSpec
    EXECUTOR_SPEC = ExecutorClassSpec(_Judge)

    def __init__(self, verdict: int, **inputs: Any) -> None:
        blessing = Channel(type=InfraBlessing)
        super().__init__(
            _ServingCheckSpec(verdict=verdict, blessing=blessing, **inputs)
        )


@attrs.frozen
class Ended:
    """How a run ended.

    Attributes:
      ran: the nodes that were not cached; a resolver never is.
      baseline: the text of the model that the candidate was compared with.
      choice: why that one.
      publication: what serves; None where the run pushed nothing.
    """

    ran: set[str]
    baseline: str | None
    choice: Choice
    publication: Publication | None


@attrs.define
class Workshop:
    """A folder to run in.

    Attributes:
      root: of the folder.
      database: the metadata store; a SQLite file in the folder unless given.
      count: of the runs so far.
      code: digest of the code, for the manifest.
    """

    root: Path
    database: ConnectionConfig | None = None
    count: int = 0
    code: str = "c0de"

    @property
    def connection(self) -> ConnectionConfig:
        """To the metadata store."""
        return self.database or sqlite_connection(self.root / "metadata.sqlite")

    @property
    def store(self) -> ModelStore:
        """What is published."""
        return ModelStore(self.root / "serving" / PIPELINE)

    @property
    def metadata(self) -> MetadataStore:
        """What TFX wrote down."""
        return MetadataStore(self.connection)

    @property
    def artifacts(self) -> Path:
        """The root of all artifacts."""
        return self.root / "artifacts"

    def served(self) -> str:
        """The text of the model that serves."""
        return recipe(self.store.path(self.store.versions()[-1]))

    def run(
        self,
        text: str,
        evaluator: int = 1,
        serving_check: int = 1,
        skip: bool = False,
        audit: int = 1,
    ) -> Ended:
        """Runs with a text to make a model of, and the verdicts of the gates."""
        self.count += 1
        run_id = f"run-{self.count}"
        pipeline = self._pipeline(text, evaluator, serving_check, skip, audit)
        results: list[NodeResult] = []
        run_nodes(pipeline, run_id, lambda _: None, results.append)
        assert not [r for r in results if r.state in ("failed", "not run")], results
        lineage = RunLineage(self.connection, run_id)
        states = {result.id: result.state for result in results}
        baseline = lineage.resolved("BaselineResolver", "model")
        return Ended(
            ran={
                node
                for node, state in states.items()
                if state == "done" and node != "BaselineResolver"
            },
            baseline=recipe(Path(baseline.uri) / "Format-Serving")
            if baseline
            else None,
            choice=read_choice(lineage.resolved("BaselineResolver", "choice").uri),
            publication=read_publication(
                self.store.base, lineage, states["Pusher"] == "done"
            ),
        )

    def _pipeline(
        self, text: str, evaluator: int, serving_check: int, skip: bool, audit: int
    ) -> Pipeline:
        self.root.mkdir(exist_ok=True)
        trainer = FakeTrainer(text).with_id("Trainer")
        model = trainer.outputs["model"]
        baseline = Resolver(
            strategy_class=ServingModelStrategy,
            config={
                "serving": str(self.store.base),
                "artifacts": str(self.artifacts),
                "pipeline": PIPELINE,
                "skip": skip,
            },
            candidate=model,
            model=Channel(type=Model),
            model_blessing=Channel(type=ModelBlessing),
            infra_blessing=Channel(type=InfraBlessing),
            choice=Channel(type=ModelChoice),
        ).with_id("BaselineResolver")
        check = FakeServingCheck(serving_check, model=model).with_id("ServingCheck")
        judge = FakeEvaluator(
            evaluator,
            model=model,
            baseline_model=None if skip else baseline.outputs["model"],
        ).with_id("Evaluator")
        judge.add_upstream_node(check)
        auditor = FakeServingCheck(audit, model=model).with_id("ModelAudit")
        pusher = Pusher(
            model=model,
            model_blessing=judge.outputs["blessing"],
            audit_blessing=auditor.outputs["blessing"],
            infra_blessing=check.outputs["blessing"],
            destination=str(self.store.base),
            provenance={"code": self.code},
        ).with_id("Pusher")
        return Pipeline(
            pipeline_name=PIPELINE,
            pipeline_root=str(self.artifacts),
            components=[trainer, baseline, check, judge, auditor, pusher],
            enable_cache=True,
            metadata_connection_config=self.connection,
        )


def recipe(export: Path) -> str:
    """The text that a model was made of."""
    return (export / "variables" / "variables.index").read_text()
