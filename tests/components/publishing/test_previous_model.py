"""DataAudit asks the newest published model of other data, with that data."""

import shutil
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.types import Channel
from tfx.types.component_spec import ChannelParameter
from tfx.types.standard_artifacts import Examples, Model

from components.publishing.previous_model import PreviousModelStrategy
from components.publishing.pusher import Pusher
from pipeline.local_runner import NodeResult, run_nodes
from pipeline.metadata.lineage import RunLineage
from tests import published_runs
from tests.published_runs import (
    PIPELINE,
    FakeEvaluator,
    FakeServingCheck,
    Workshop,
    recipe,
)

pytestmark = pytest.mark.slow


@component
def _Import(  # noqa: N802
    examples: OutputArtifact[Examples], data: Parameter[str]
) -> None:
    """Makes examples of the text that it is told."""
    (Path(examples.uri) / "records").write_text(data)


class _TrainSpec(published_runs._TrainSpec):
    INPUTS: ClassVar = {"examples": ChannelParameter(type=Examples)}


class _Trainer(published_runs.FakeTrainer):
    """Makes a model of the text that it is told, and reads examples."""

    SPEC_CLASS = _TrainSpec

    def __init__(self, recipe: str, examples: Any) -> None:
        model = Channel(type=Model)
        spec = _TrainSpec(recipe=recipe, examples=examples, model=model)
        super(published_runs.FakeTrainer, self).__init__(spec)


@attrs.define
class _Shop(Workshop):
    """Runs with data, and says which model was asked and what it was made of."""

    def train(
        self, text: str, data: str, serving_check: int = 1, rebaseline: bool = False
    ) -> tuple | None:
        """Returns the texts of the model and of its data; None where none was found."""
        self.count += 1
        run_id = f"run-{self.count}"
        self.root.mkdir(exist_ok=True)
        results: list[NodeResult] = []
        nodes = self._nodes(text, data, serving_check, rebaseline)
        run_nodes(nodes, run_id, lambda _: None, results.append)
        assert not [r for r in results if r.state in ("failed", "not run")], results
        lineage = RunLineage(self.connection, run_id)
        model = lineage.resolved("PreviousModelResolver", "model")
        examples = lineage.resolved("PreviousModelResolver", "examples")
        if model is None:
            assert examples is None
            return None
        text = recipe(Path(model.uri) / "Format-Serving")
        return text, examples and (Path(examples.uri) / "records").read_text()

    def _nodes(
        self, text: str, data: str, serving_check: int, rebaseline: bool
    ) -> Pipeline:
        resolver = Resolver(
            strategy_class=PreviousModelStrategy,
            config={
                "serving": str(self.store.base),
                "artifacts": str(self.artifacts),
                "pipeline": PIPELINE,
                "data": data,
                "rebaseline": rebaseline,
            },
            model=Channel(type=Model),
            examples=Channel(type=Examples),
        ).with_id("PreviousModelResolver")
        examples = _Import(data=data).with_id("ExampleGen")
        trainer = _Trainer(text, examples.outputs["examples"]).with_id("Trainer")
        trainer.add_upstream_node(resolver)
        model = trainer.outputs["model"]
        check = FakeServingCheck(serving_check, model=model).with_id("ServingCheck")
        judge = FakeEvaluator(1, model=model).with_id("Evaluator")
        pusher = Pusher(
            model=model,
            model_blessing=judge.outputs["blessing"],
            infra_blessing=check.outputs["blessing"],
            destination=str(self.store.base),
            provenance={"code": "c0de", "data": data, "rebaseline": rebaseline},
        ).with_id("Pusher")
        return Pipeline(
            pipeline_name=PIPELINE,
            pipeline_root=str(self.artifacts),
            components=[resolver, examples, trainer, check, judge, pusher],
            enable_cache=True,
            metadata_connection_config=self.connection,
        )


@pytest.fixture
def shop(tmp_path: Path) -> _Shop:
    return _Shop(tmp_path / "w")


def test_a_first_run_has_none(shop: _Shop) -> None:
    assert shop.train("A", "old") is None


def test_it_is_the_newest_one_of_other_data_with_that_data(shop: _Shop) -> None:
    shop.train("A", "old")
    shop.train("B", "old")

    assert shop.train("C", "new") == ("B", "old")


def test_models_of_the_same_data_are_passed_over(shop: _Shop) -> None:
    shop.train("A", "old")
    shop.train("B", "new")

    assert shop.train("C", "new") == ("A", "old")
    # So a run with nothing changed asks what the one before it asked.
    assert shop.train("C", "new") == ("A", "old")


def test_a_model_of_these_data_that_was_told_of_another_meaning_hides_older_ones(
    shop: _Shop,
) -> None:
    shop.train("A", "old")

    assert shop.train("B", "new", rebaseline=True) == ("A", "old")
    # Repeated, it is what it was; and later runs are not refused by the old meaning.
    assert shop.train("B", "new", rebaseline=True) == ("A", "old")
    assert shop.train("C", "new") is None
    assert shop.train("D", "new") is None
    assert shop.train("E", "newer") == ("D", "new")


def test_a_model_that_was_never_published_is_none(shop: _Shop) -> None:
    shop.train("A", "old")
    shop.train("B", "other", serving_check=0)

    assert shop.train("C", "new") == ("A", "old")


def test_a_version_that_is_not_whole_is_passed_over(shop: _Shop) -> None:
    shop.train("A", "old")
    shop.train("B", "other")
    newest = shop.store.path(shop.store.versions()[-1])
    (newest / "saved_model.pb").write_bytes(b"spoiled")

    assert shop.train("C", "new") == ("A", "old")


def test_where_its_data_is_gone_only_the_model_is_found(shop: _Shop) -> None:
    shop.train("A", "old")
    for folder in shop.artifacts.glob("ExampleGen/examples/*"):
        shutil.rmtree(folder)

    assert shop.train("B", "new") == ("A", None)
