"""The pipeline: which nodes there are and how they are wired."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from tfx.components import ExampleValidator, Trainer
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import example_gen_pb2, trainer_pb2
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelBlessing

from components.artifacts import DataVerdict, ModelChoice
from components.classes import read_class_names
from components.data.example_gen import CopyingExecutor
from components.data.gate import DataGate
from components.data.previous import PreviousDataStrategy
from components.data.statistics_gen import BatchingStatisticsGen
from components.features import SPLITS, TEST, TRAIN, VAL
from components.image_spec import read_image_spec
from components.plain_nodes import PlainPathsEvaluator, PlainPathsTransform
from components.publishing.baseline import ServingModelStrategy
from components.publishing.pusher import Pusher
from components.serving.check import ServingCheck
from pipeline.beam_args import BEAM_ARGS
from pipeline.config import Config
from pipeline.digests import (
    code_digest,
    data_digest,
    files_digest,
    node_digest,
)
from pipeline.evaluation import eval_config
from pipeline.metadata.store import sqlite_connection

# What nodes of TFX use, besides what our own code in them imports.
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


def create_pipeline(
    config: Config,
    metadata: ConnectionConfig | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Wires the nodes, from TFRecords to a pushed model.

    Args:
      config: all paths and settings; nothing else is read, but our own source, the
        schema and the data for their digests, and the class names.
      metadata: the metadata store; None is the SQLite file of the workspace.
      origin: from ``provenance``, where that was asked for already.
    """
    origin = origin or provenance(config)
    # Records come in splits already; a split is a folder.
    examples = FileBasedExampleGen(
        input_base=str(config.data),
        input_config=example_gen_pb2.Input(
            splits=[
                example_gen_pb2.Input.Split(name=name, pattern=f"{name}/*.tfrecord.gz")
                for name in SPLITS
            ]
        ),
        custom_executor_spec=ExecutorClassSpec(CopyingExecutor),
    ).with_id("ExampleGen")
    _run_again_on(examples, node_digest("components.data.example_gen"), origin["data"])

    # The schema is curated and reviewed; inferring one would bless any data.
    schema = ImportSchemaGen(schema_file=str(config.schema)).with_id("SchemaGen")
    _run_again_on(schema, node_digest(libraries=["tfx"]), origin["schema"])

    statistics = BatchingStatisticsGen(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
    ).with_id("StatisticsGen")
    _run_again_on(statistics, node_digest("components.data.statistics_gen"))

    # Writes down what does not fit the schema; stopping the run is DataGate's part.
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
    ).with_id("ExampleValidator")
    _run_again_on(validator, node_digest(libraries=_VALIDATION))

    # The data accepted before this one, to measure drift from.
    previous = Resolver(
        strategy_class=PreviousDataStrategy,
        verdict=Channel(type=DataVerdict),
        statistics=statistics.outputs["statistics"],
    ).with_id("PreviousDataResolver")

    # Stops the run where the data is not fit to train on.
    data_gate = DataGate(
        statistics=statistics.outputs["statistics"],
        anomalies=validator.outputs["anomalies"],
        schema=schema.outputs["schema"],
        previous=previous.outputs["verdict"],
        settings=dataclasses.asdict(config.data_gate),
    ).with_id("DataGate")
    _run_again_on(data_gate, node_digest("components.data.gate", libraries=_VALIDATION))

    # Only the graph: the Trainer applies it to raw examples, so that no float images
    # are written to disk.
    transform = PlainPathsTransform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="components.training.transform.preprocessing_fn",
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id("Transform")
    transforming = "components.training.transform", "components.plain_nodes"
    _run_again_on(transform, node_digest(*transforming, libraries=_TRANSFORM))
    transform.add_upstream_node(data_gate)

    # The model to start from, if one is wanted: the one that serves.
    start = _serving_model(config).with_id("WarmStartResolver")

    trainer = Trainer(
        run_fn="components.training.trainer.run_fn",
        examples=examples.outputs["examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        base_model=start.outputs["model"] if config.warm_start else None,
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[VAL]),
        custom_config={
            "model": dataclasses.asdict(config.model),
            "train": dataclasses.asdict(config.train),
            "pictures": dataclasses.asdict(config.pictures),
            "warm_start": config.warm_start,
            "code": node_digest("components.training.trainer"),
            "checkpoints": str(config.checkpoints),
        },
    ).with_id("Trainer")

    # The model to compare with: the one that serves.
    baseline = _serving_model(
        config, skip=config.rebaseline, candidate=trainer.outputs["model"]
    ).with_id("BaselineResolver")

    # Loads the export in a fresh process and calls every signature.
    serving_check = ServingCheck(
        model=trainer.outputs["model"],
        model_run=trainer.outputs["model_run"],
        settings=dataclasses.asdict(config.serving_check),
    ).with_id("ServingCheck")
    _run_again_on(serving_check, node_digest("components.serving.check"))

    evaluator = PlainPathsEvaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=None if config.rebaseline else baseline.outputs["model"],
        schema=schema.outputs["schema"],
        eval_config=eval_config(config.evaluation, len(origin["classes"])),
        example_splits=[TEST],
        # Where this module cannot be imported, TFX goes on with TFMA's own extractors.
        module_path="components.evaluation.extractors",
    ).with_id("Evaluator")
    measuring = (
        "components.evaluation.extractors",
        "components.evaluation.metrics",
        "components.plain_nodes",
    )
    _run_again_on(evaluator, node_digest(*measuring, libraries=["tfx", "tfx-bsl"]))
    # Evaluating a model that cannot serve may fail; ServingCheck says why.
    evaluator.add_upstream_node(serving_check)

    # Publishes what both blessed, whole or not at all.
    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_check.outputs["blessing"],
        evaluation=evaluator.outputs["evaluation"],
        data_verdict=data_gate.outputs["verdict"],
        destination=str(config.serving),
        provenance=origin,
        model_gate=dataclasses.asdict(config.evaluation),
    ).with_id("Pusher")
    # The manifest names the version of TensorFlow.
    _run_again_on(
        pusher, node_digest("components.publishing.pusher", libraries=["tensorflow"])
    )

    return Pipeline(
        pipeline_name=config.pipeline,
        pipeline_root=str(config.artifacts),
        components=[
            examples,
            schema,
            statistics,
            validator,
            previous,
            data_gate,
            transform,
            *([start] if config.warm_start else []),
            trainer,
            baseline,
            serving_check,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        # TFX's own helper makes the folder, and wiring should not write.
        metadata_connection_config=metadata or sqlite_connection(config.metadata),
        beam_pipeline_args=BEAM_ARGS,
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


def _run_again_on(node: BaseNode, *digests: str) -> None:
    """Makes digests part of the node's cache key.

    TFX keys its cache by paths: of the schema file, and of our functions. Flags of
    the executor are part of the key as well, and our executors ignore this one.
    """
    node.executor_spec.add_extra_flags([f"--content_digest={'-'.join(digests)}"])


def provenance(config: Config) -> dict[str, Any]:
    """What a model came from, for its manifest and for the summary of its run.

    Returns:
      The digests ``code``, ``data`` and ``schema``, the names of the ``classes``, and
      ``rebaseline``; JSON values.

    Raises:
      DatasetError: the class names beside the data will not do.
    """
    spec = read_image_spec(config.schema)
    return {
        "code": code_digest(),
        "data": data_digest(config.data),
        "schema": files_digest([config.schema]),
        "classes": list(read_class_names(config.data, spec.classes)),
        "rebaseline": config.rebaseline,
    }
