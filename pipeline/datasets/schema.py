"""Schemas inferred from records, and compared."""

import difflib
import logging
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import DatasetError
from components.plain_paths import plain_path

if TYPE_CHECKING:
    from tensorflow_metadata.proto.v0 import schema_pb2


def infer(split: Path) -> "schema_pb2.Schema":
    """Infers the schema of all records of a split.

    Args:
      split: a folder of gzip TFRecords.

    Raises:
      DatasetError: there are none, or they cannot be read.
    """
    if not any(split.glob("*.tfrecord.gz")):
        raise DatasetError(
            f"{split}: expected TFRecords named *.tfrecord.gz, received none. Name a "
            "folder as `mnist-pipeline data convert` writes it."
        )
    import tensorflow_data_validation as tfdv
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipeline.beam_args import BEAM_ARGS

    # TFDV reads its own result with a function that TensorFlow calls deprecated.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with tempfile.TemporaryDirectory() as folder, plain_path(split) as records:
            statistics = tfdv.generate_statistics_from_tfrecord(
                f"{records}/*.tfrecord.gz",
                # Its own temporary folder would stay behind.
                output_path=f"{folder}/statistics",
                pipeline_options=PipelineOptions(BEAM_ARGS),
            )
    except Exception as error:  # Beam raises whatever happened in a worker.
        raise DatasetError(
            f"{split}: expected readable records, received damaged ones. "
            f"`mnist-pipeline data verify {shlex.quote(str(split.parent))}` names the "
            "first of them."
        ) from error
    return tfdv.infer_schema(statistics, infer_feature_shape=True)


def diff(
    curated: "schema_pb2.Schema",
    inferred: "schema_pb2.Schema",
    curated_name: str,
    inferred_name: str,
) -> Iterator[str]:
    """A unified diff of two schemas, both printed the same way, without comments."""
    return difflib.unified_diff(
        _as_lines(curated),
        _as_lines(inferred),
        curated_name,
        inferred_name,
        lineterm="",
    )


def _as_lines(schema: "schema_pb2.Schema") -> list[str]:
    from google.protobuf import text_format

    ordered = type(schema)()
    ordered.CopyFrom(schema)
    ordered.feature.sort(key=lambda feature: feature.name)
    return text_format.MessageToString(ordered).splitlines()
