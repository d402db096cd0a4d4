"""The pipeline: which nodes there are and how they are wired.

Nothing is read here: settings, paths, digests and Beam's arguments are handed over.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx.components import (
    Evaluator,
    ExampleValidator,
    ImportExampleGen,
    Trainer,
    Transform,
)
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import example_gen_pb2, trainer_pb2
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
)

from components.artifacts import DataVerdict, ModelChoice
from components.data.audit import DataAudit
from components.data.example_gen import CopyingExampleGen
from components.data.gate import DataGate
from components.data.previous import PreviousDataStrategy
from components.data.statistics_gen import (
    BatchingStatisticsGen,
    CountingStatisticsGen,
)
from components.evaluation.audit import ModelAudit
from components.evaluation.plain_evaluator import PlainPathsEvaluator
from components.features import SPLITS, TEST, TRAIN, VAL
from components.publishing.baseline import ServingModelStrategy
from components.publishing.previous_model import PreviousModelStrategy
from components.publishing.pusher import Pusher
from components.serving.check import ServingCheck
from components.training.plain_transform import PlainPathsTransform
from pipeline.beam_args import BEAM_ARGS
from pipeline.config import Config
from pipeline.digests import Digests, NodeCode
from pipeline.evaluation import eval_config
from pipeline.metadata.store import sqlite_connection

_VALIDATION = ("tfx", "tensorflow-data-validation", "tensorflow-metadata", "protobuf")
_TRANSFORM = (
    "tfx",
    "tfx-bsl",
    "tensorflow-transform",
    "tensorflow-metadata",
    "apache-beam",
    "numpy",
    "protobuf",
    "pyarrow",
)

# What each node runs and reads, for its digest. A resolver runs in every run and
# needs none.
NODE_CODE: Mapping[str, NodeCode] = {
    "ExampleGen": NodeCode(
        ["components.data.example_gen"], ["apache-beam"], reads="data"
    ),
    "SchemaGen": NodeCode(libraries=["tfx"], reads="schema"),
    "StatisticsGen": NodeCode(["components.data.statistics_gen"]),
    "ExampleValidator": NodeCode(libraries=_VALIDATION),
    "DataAudit": NodeCode(["components.data.audit"]),
    "DataGate": NodeCode(["components.data.gate"], _VALIDATION),
    "Transform": NodeCode(
        ["components.training.transform", "components.training.plain_transform"],
        _TRANSFORM,
    ),
    "Trainer": NodeCode(["components.training.trainer"]),
    "ServingCheck": NodeCode(["components.serving.check"]),
    "Evaluator": NodeCode(
        [
            "components.evaluation.extractors",
            "components.evaluation.metrics",
            "components.evaluation.plain_evaluator",
        ],
        ["tfx", "tfx-bsl", "tf-keras"],
    ),
    "ModelAudit": NodeCode(["components.evaluation.audit"]),
    # The manifest names the version of TensorFlow.
    "Pusher": NodeCode(["components.publishing.pusher"], ["tensorflow"]),
}


# Nodes of TFX with an executor of our own, and as TFX has them. Our modules say what
# differs, and when to go back.
_CLASSES: Mapping[str, tuple[type[BaseNode], type[BaseNode]]] = {
    "ExampleGen": (CopyingExampleGen, ImportExampleGen),
    "StatisticsGen": (BatchingStatisticsGen, CountingStatisticsGen),
    "Transform": (PlainPathsTransform, Transform),
    "Evaluator": (PlainPathsEvaluator, Evaluator),
}


class DataNodes(NamedTuple):
    """From records to data that is fit to train on."""

    examples: BaseNode
    schema: BaseNode
    statistics: BaseNode
    validator: BaseNode
    previous: BaseNode
    previous_model: BaseNode
    audit: BaseNode
    gate: BaseNode


class TrainingNodes(NamedTuple):
    """From examples to a model; ``start`` is None where training starts afresh."""

    transform: BaseNode
    start: BaseNode | None
    trainer: BaseNode


class EvaluationNodes(NamedTuple):
    """From a model to whether it is good enough."""

    baseline: BaseNode
    serving_check: BaseNode
    evaluator: BaseNode
    audit: BaseNode


def create_pipeline(
    config: Config,
    digests: Digests,
    metadata: ConnectionConfig | None = None,
    beam_args: Sequence[str] = BEAM_ARGS,
) -> Pipeline:
    """Wires the nodes, from TFRecords to a pushed model.

    Args:
      config: all paths and settings.
      digests: of what the nodes run and read, for the cache and the manifest;
        ``NO_DIGESTS`` where only the nodes and their edges are looked at.
      metadata: the metadata store; None is the SQLite file of the workspace.
      beam_args: how Beam runs what nodes hand to it.
    """
    data = data_nodes(config, digests)
    training = training_nodes(config, digests, data)
    evaluation = evaluation_nodes(config, digests.classes, data, training)
    pusher = publishing_node(config, digests, data, training, evaluation)
    nodes = [node for node in (*data, *training, *evaluation, pusher) if node]
    for node in nodes:
        _run_again_on(digests.nodes.get(node.id), node)
    return Pipeline(
        pipeline_name=config.pipeline,
        pipeline_root=str(config.artifacts),
        components=nodes,
        enable_cache=True,
        # TFX's own helper makes the folder, and wiring should not write.
        metadata_connection_config=metadata or sqlite_connection(config.metadata),
        beam_pipeline_args=list(beam_args),
    )


def data_nodes(config: Config, digests: Digests) -> DataNodes:
    """Reads the records and holds them to the schema and the settings."""
    # Records come in splits already; a split is a folder.
    examples = _examples(config)

    # The schema is curated and reviewed; inferring one would bless any data.
    schema = ImportSchemaGen(schema_file=str(config.schema)).with_id("SchemaGen")

    # Counts what ExampleValidator and DataGate judge.
    statistics = _node("StatisticsGen", config)(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
    ).with_id("StatisticsGen")

    # Writes down what does not fit the schema; stopping the run is DataGate's part.
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
    ).with_id("ExampleValidator")

    # The data accepted before this one, to compare with.
    previous = Resolver(
        strategy_class=PreviousDataStrategy,
        config={"rebaseline": config.rebaseline},
        verdict=Channel(type=DataVerdict),
        statistics=statistics.outputs["statistics"],
    ).with_id("PreviousDataResolver")

    # Looks at each record: what it is unlike, a copy of, or wrongly labelled as.
    model = _model_of_other_data(config, digests).with_id("PreviousModelResolver")
    audit = _audit(examples, statistics, schema, previous, model)

    # Stops the run where the data is not fit to train on.
    gate = DataGate(
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        schema=schema.outputs["schema"],
        audit=audit.outputs["audit"],
        previous=previous.outputs["verdict"],
        settings=json.dumps(dataclasses.asdict(config.data_gate)),
        rebaseline=int(config.rebaseline),
    ).with_id("DataGate")
    return DataNodes(
        examples, schema, statistics, validator, previous, model, audit, gate
    )


def training_nodes(config: Config, digests: Digests, data: DataNodes) -> TrainingNodes:
    """Trains a model and exports it."""
    # Only the graph: the Trainer applies it to raw examples, so that no float images
    # are written to disk.
    transform = _node("Transform", config)(
        examples=data.examples.outputs["examples"],
        schema=data.schema.outputs["schema"],
        preprocessing_fn="components.training.transform.preprocessing_fn",
        custom_config={"classes": len(digests.classes)},
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id("Transform")
    transform.add_upstream_node(data.gate)

    # The model to start from, where one is wanted: the one that serves.
    start = (
        _serving_model(config).with_id("WarmStartResolver")
        if config.warm_start
        else None
    )

    # Sees no test split, which is the Evaluator's.
    trainer = Trainer(
        run_fn="components.training.trainer.run_fn",
        examples=data.examples.outputs["examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=data.schema.outputs["schema"],
        base_model=start.outputs["model"] if start else None,
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[VAL]),
        custom_config={
            "model": dataclasses.asdict(config.model),
            "train": dataclasses.asdict(config.train),
            "pictures": dataclasses.asdict(config.pictures),
            "warm_start": config.warm_start,
            "code": digests.nodes.get("Trainer"),
            "checkpoints": str(config.checkpoints),
        },
    ).with_id("Trainer")
    return TrainingNodes(transform, start, trainer)


def evaluation_nodes(
    config: Config, classes: Sequence[str], data: DataNodes, training: TrainingNodes
) -> EvaluationNodes:
    """Holds the model to the bounds, and to the model that serves."""
    model = training.trainer.outputs["model"]

    # The model to compare with: the one that serves.
    baseline = _serving_model(config, skip=config.rebaseline, candidate=model).with_id(
        "BaselineResolver"
    )

    # Loads the export in a fresh process and calls every signature.
    serving_check = ServingCheck(
        model=model,
        model_run=training.trainer.outputs["model_run"],
        settings=json.dumps(dataclasses.asdict(config.serving_check)),
    ).with_id("ServingCheck")

    # Measures on the split that training never sees.
    stock = "Evaluator" in config.nodes.stock
    evaluator = _node("Evaluator", config)(
        examples=data.examples.outputs["examples"],
        model=model,
        baseline_model=None if config.rebaseline else baseline.outputs["model"],
        schema=data.schema.outputs["schema"],
        eval_config=eval_config(config.evaluation, len(classes), stock),
        example_splits=[TEST],
        # Where this module cannot be imported, TFX goes on with TFMA's own extractors.
        module_path=None if stock else "components.evaluation.extractors",
    ).with_id("Evaluator")
    # Evaluating a model that cannot serve may fail; ServingCheck says why.
    evaluator.add_upstream_node(serving_check)

    # Looks at what one number over one test split does not show.
    audit = _model_audit(config, classes, data, model, baseline)
    audit.add_upstream_node(evaluator)
    return EvaluationNodes(baseline, serving_check, evaluator, audit)


def publishing_node(
    config: Config,
    digests: Digests,
    data: DataNodes,
    training: TrainingNodes,
    evaluation: EvaluationNodes,
) -> BaseNode:
    """Publishes a model that every gate blessed."""
    # A version is published whole or not at all.
    return Pusher(
        model=training.trainer.outputs["model"],
        model_blessing=evaluation.evaluator.outputs["blessing"],
        audit_blessing=evaluation.audit.outputs["blessing"],
        infra_blessing=evaluation.serving_check.outputs["blessing"],
        evaluation=evaluation.evaluator.outputs["evaluation"],
        data_verdict=data.gate.outputs["verdict"],
        destination=str(config.serving),
        provenance={**digests.origin, "rebaseline": config.rebaseline},
        model_gate=dataclasses.asdict(config.evaluation),
    ).with_id("Pusher")


def _node(name: str, config: Config) -> type[BaseNode]:
    """Returns the class of a node: ours, or TFX's own where that is asked for."""
    ours, stock = _CLASSES[name]
    return stock if name in config.nodes.stock else ours


def _examples(config: Config) -> BaseNode:
    splits = [
        example_gen_pb2.Input.Split(name=name, pattern=f"{name}/*.tfrecord.gz")
        for name in SPLITS
    ]
    return _node("ExampleGen", config)(
        input_base=str(config.data),
        input_config=example_gen_pb2.Input(splits=splits),
    ).with_id("ExampleGen")


def _audit(
    examples: BaseNode,
    statistics: BaseNode,
    schema: BaseNode,
    previous: BaseNode,
    model: BaseNode,
) -> BaseNode:
    return DataAudit(
        examples=examples.outputs["examples"],
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        previous=previous.outputs["verdict"],
        model=model.outputs["model"],
        model_examples=model.outputs["examples"],
    ).with_id("DataAudit")


def _model_audit(
    config: Config,
    classes: Sequence[str],
    data: DataNodes,
    model: BaseChannel,
    baseline: BaseNode,
) -> BaseNode:
    return ModelAudit(
        examples=data.examples.outputs["examples"],
        model=model,
        schema=data.schema.outputs["schema"],
        baseline_model=None if config.rebaseline else baseline.outputs["model"],
        previous_model=data.previous_model.outputs["model"],
        previous_examples=data.previous_model.outputs["examples"],
        settings=json.dumps(dataclasses.asdict(config.evaluation)),
        rebaseline=int(config.rebaseline),
        classes=json.dumps(classes),
    ).with_id("ModelAudit")


def _model_of_other_data(config: Config, digests: Digests) -> Resolver:
    return Resolver(
        strategy_class=PreviousModelStrategy,
        config={
            "serving": str(config.serving),
            "artifacts": str(config.artifacts),
            "pipeline": config.pipeline,
            "data": digests.data,
            "rebaseline": config.rebaseline,
        },
        model=Channel(type=Model),
        examples=Channel(type=Examples),
    )


def _serving_model(
    config: Config, skip: bool = False, **candidate: BaseChannel
) -> Resolver:
    return Resolver(
        strategy_class=ServingModelStrategy,
        config={
            "serving": str(config.serving),
            "artifacts": str(config.artifacts),
            "pipeline": config.pipeline,
            "skip": skip,
        },
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
        infra_blessing=Channel(type=InfraBlessing),
        choice=Channel(type=ModelChoice),
        **candidate,
    )


def _run_again_on(digest: str | None, node: BaseNode) -> None:
    """Makes a digest part of the node's cache key.

    TFX keys its cache by paths: of the schema file, and of our functions. Flags of
    the executor are part of the key as well, and executors ignore this one.
    """
    # The Trainer has it among its settings, and resolvers run in every run.
    if digest and node.id != "Trainer":
        node.executor_spec.add_extra_flags([f"--content_digest={digest}"])
