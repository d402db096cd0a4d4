"""The pipeline: which nodes there are and how they are wired."""

import dataclasses
import hashlib

from tfx.components import (
    Evaluator,
    ExampleValidator,
    ImportExampleGen,
    Pusher,
    StatisticsGen,
    Trainer,
    Transform,
)
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2
from tfx.types import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from components.baseline import LatestOtherBlessedModelStrategy
from components.features import SPLITS, TEST, TRAIN, VAL
from pipeline.config import Config
from pipeline.evaluation import eval_config
from pipeline.source_digest import source_digest

# In one process: for 70,000 records on two cores about twice as fast as several.
# Named in full, because newer Beam may put another runner behind "DirectRunner".
BEAM_ARGS = [
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
    "--direct_num_workers=1",
]


def create_pipeline(config: Config) -> Pipeline:
    """Wires the nodes, from TFRecords to a pushed model.

    Args:
      config: all paths and settings; nothing else is read, but our own source and
        the schema for their digests.
    """
    # Records come in splits already; a split is a folder.
    examples = ImportExampleGen(
        input_base=str(config.data),
        input_config=example_gen_pb2.Input(
            splits=[
                example_gen_pb2.Input.Split(name=name, pattern=f"{name}/*.tfrecord.gz")
                for name in SPLITS
            ]
        ),
    ).with_id("ExampleGen")

    # The schema is curated and reviewed; inferring one would bless any data.
    schema = ImportSchemaGen(schema_file=str(config.schema)).with_id("SchemaGen")
    _run_again_on(schema, hashlib.sha256(config.schema.read_bytes()).hexdigest())

    statistics = StatisticsGen(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
    ).with_id("StatisticsGen")

    # Writes down what does not fit the schema; stopping the run is DataGate's part.
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
    ).with_id("ExampleValidator")

    # DataGate goes here, between ExampleValidator and Transform.

    # Only the graph: the Trainer applies it to raw examples, which is much faster
    # than writing float images to disk.
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="components.transform.preprocessing_fn",
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id("Transform")
    _run_again_on(transform, source_digest("components.transform"))

    trainer = Trainer(
        run_fn="components.trainer.run_fn",
        examples=examples.outputs["examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[VAL]),
        custom_config={
            "model": dataclasses.asdict(config.model),
            "train": dataclasses.asdict(config.train),
        },
    ).with_id("Trainer")
    _run_again_on(trainer, source_digest("components.trainer"))

    # The model to compare with: the last one blessed before this one.
    baseline = Resolver(
        strategy_class=LatestOtherBlessedModelStrategy,
        candidate=trainer.outputs["model"],
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("BaselineResolver")

    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        schema=schema.outputs["schema"],
        eval_config=eval_config(config.evaluation),
        example_splits=[TEST],
    ).with_id("Evaluator")

    # ServingCheck goes here, between Evaluator and Pusher.

    pusher = Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(
                base_directory=str(config.serving)
            )
        ),
    ).with_id("Pusher")

    return Pipeline(
        pipeline_name=config.pipeline,
        pipeline_root=str(config.artifacts),
        components=[
            examples,
            schema,
            statistics,
            validator,
            transform,
            trainer,
            baseline,
            evaluator,
            pusher,
        ],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(
            str(config.metadata)
        ),
        beam_pipeline_args=BEAM_ARGS,
    )


def _run_again_on(node: BaseNode, digest: str) -> None:
    """Makes a digest part of the node's cache key.

    TFX keys its cache by paths: of the schema file, and of our functions. Flags of
    the executor are part of the key as well, and our executors ignore this one.
    """
    node.executor_spec.add_extra_flags(f"--content_digest={digest}")
