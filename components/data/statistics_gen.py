"""StatisticsGen, and beside its statistics the counts that DataGate judges.

TFX's own: passes every record through Beam before TFDV sees batches of them, and builds
its transforms anew for each split.
Ours: TensorFlow reads batches, and one combiner takes those of all splits to TFDV's own
generators. What DataGate wants and TFDV has not, ``scan`` counts in the same pass.
Gains: most of the time of the node.
Go back when statistics are to be sliced, sampled or weighted:
``nodes.stock=["StatisticsGen"]``. TFX's executor computes the statistics then, and the
counts take a second pass over the records.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_data_validation.statistics.generators.basic_stats_generator import (
    BasicStatsGenerator,
)
from tensorflow_data_validation.statistics.stats_impl import (
    extract_statistics_output,
    get_generators,
)
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components import StatisticsGen
from tfx.components.statistics_gen import executor
from tfx.components.statistics_gen.executor import DEFAULT_FILE_NAME
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import (
    EXAMPLES_KEY,
    SCHEMA_KEY,
    STATISTICS_KEY,
)
from tfx.utils import io_utils
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder
from tfx_bsl.sketches import QuantilesSketch

from components.data.scan import ScanBatches
from components.examples import matching_files, without_autotuning
from components.image_spec import read_image_spec, read_schema, spec_of

# Small enough for an array of a batch in int64 to stay in a processor's cache.
_BATCH = 512
# Tallies of this many numbers fit into the first cache of a processor; tallying fewer
# values does not pay.
_FEW = 2048
# As many as TFDV's own sketches allow for.
_MAX_VALUES = 1 << 32


class BatchingExecutor(BaseBeamExecutor):
    """Computes the statistics of each split that TFX's executor computes.

    It keeps to what that one promises: splits, span and file names. It takes no options
    for the statistics and leaves no split out, since this pipeline has neither. Beside
    them it writes what ``ScanBatches`` counts.
    """

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes ``Split-*/FeatureStats.pb``, and statistics.json for DataGate."""
        [examples] = input_dict[EXAMPLES_KEY]
        [statistics] = output_dict[STATISTICS_KEY]
        [schema] = input_dict[SCHEMA_KEY]
        wanted = read_schema(Path(io_utils.get_only_uri_in_dir(schema.uri)))
        options = tfdv.StatsOptions(schema=wanted)
        splits = artifact_utils.decode_split_names(examples.split_names)
        statistics.split_names = artifact_utils.encode_split_names(splits)
        statistics.span = examples.span
        outputs = {
            split: str(
                Path(
                    artifact_utils.get_split_uri([statistics], split), DEFAULT_FILE_NAME
                )
            )
            for split in splits
        }
        for file in outputs.values():
            # For good where there is no record: what has none reaches no combiner.
            _write(_of_nothing(), file)
        with self._make_beam_pipeline() as pipeline:
            batches = pipeline | ReadBatches(examples)
            _ = batches | "Count" >> ScanBatches(statistics.uri, spec_of(wanted))
            _ = (
                batches
                | "Statistics" >> beam.CombinePerKey(StatisticsFn(options))
                | "Write" >> beam.MapTuple(lambda split, s: _write(s, outputs[split]))
            )


class CountingExecutor(executor.Executor):
    """TFX's executor, and after it the counts for DataGate."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what TFX's executor writes, and statistics.json for DataGate."""
        super().Do(input_dict, output_dict, exec_properties)
        [examples] = input_dict[EXAMPLES_KEY]
        [statistics] = output_dict[STATISTICS_KEY]
        [schema] = input_dict[SCHEMA_KEY]
        spec = read_image_spec(schema.uri)
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | ReadBatches(examples) | ScanBatches(statistics.uri, spec)


class BatchingStatisticsGen(StatisticsGen):
    """StatisticsGen with an executor that reads batches."""

    EXECUTOR_SPEC = BeamExecutorSpec(BatchingExecutor)


class CountingStatisticsGen(StatisticsGen):
    """StatisticsGen as TFX has it, which counts for DataGate as well."""

    EXECUTOR_SPEC = BeamExecutorSpec(CountingExecutor)


class ReadBatches(beam.PTransform):
    """Reads examples as (split, ``pa.RecordBatch``), file by file."""

    def __init__(self, examples: Artifact) -> None:
        """Initializes the transform.

        Args:
          examples: gzip TFRecords of Examples, in splits.
        """
        super().__init__()
        self._files = [
            (split, file)
            for split in artifact_utils.decode_split_names(examples.split_names)
            for file in matching_files(
                examples_utils.get_split_file_patterns([examples], split)
            )
        ]

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return (
            pipeline
            | "Files" >> beam.Create(self._files)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.FlatMapTuple(_keyed_record_batches)
        )


def _keyed_record_batches(
    split: str, file: str
) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in read_record_batches(file):
        yield split, batch


def _of_nothing() -> statistics_pb2.DatasetFeatureStatisticsList:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add()
    return statistics


def _write(statistics: statistics_pb2.DatasetFeatureStatisticsList, file: str) -> None:
    io_utils.write_bytes_file(file, statistics.SerializeToString())


class StatisticsFn(beam.CombineFn):
    """Record batches → their statistics, by the generators TFDV has for memory.

    They hold sketches, not examples, so memory does not grow with the data. TFDV's own
    transform for Beam differs in what it does for slices, which nobody asks for here,
    and counts the most frequent values exactly; a sketch does so too up to 16,384
    different ones of a feature.
    """

    def __init__(self, options: tfdv.StatsOptions) -> None:
        """Initializes the combiner."""
        self._options = options

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Makes the generators, which cannot all be pickled."""
        self._generators = get_generators(self._options, in_memory=True)
        for generator in self._generators:
            if isinstance(generator, BasicStatsGenerator):
                # TFDV has no other way to hand it a sketch.
                generator._make_quantiles_sketch_fn = self._sketch
            generator.setup()

    def _sketch(self) -> QuantilesSketch:
        return TallyingSketch(self._options.epsilon, _MAX_VALUES, 1)

    def create_accumulator(self) -> list[Any]:
        """Returns an accumulator of each generator."""
        return [generator.create_accumulator() for generator in self._generators]

    def add_input(self, accumulator: list[Any], batch: pa.RecordBatch) -> list[Any]:
        """Counts a batch."""
        return [
            generator.add_input(part, batch)
            for generator, part in zip(self._generators, accumulator, strict=True)
        ]

    def merge_accumulators(self, accumulators: Iterable[list[Any]]) -> list[Any]:
        """Adds up what was counted apart."""
        return [
            generator.merge_accumulators(parts)
            for generator, parts in zip(
                self._generators, zip(*accumulators, strict=True), strict=True
            )
        ]

    def compact(self, accumulator: list[Any]) -> list[Any]:
        """Makes it small, to be sent on."""
        return [
            generator.compact(part)
            for generator, part in zip(self._generators, accumulator, strict=True)
        ]

    def extract_output(
        self, accumulator: list[Any]
    ) -> statistics_pb2.DatasetFeatureStatisticsList:
        """Returns the statistics of all that was counted, as of one data set."""
        return extract_statistics_output(accumulator, self._generators)


class TallyingSketch(QuantilesSketch):
    """TFDV's sketch, which takes the pixels of a batch as their 256 values, weighted.

    It is no less exact than of all values one by one, and takes a fifth of the
    time.
    """

    def AddValues(  # noqa: N802
        self, values: pa.Array, weights: pa.Array | None = None
    ) -> None:
        """Adds values, as often as their weights say.

        Args:
          values: numbers, without NaN.
          weights: as many; None adds each value once.
        """
        if weights is not None:
            super().AddValues(values, weights)
        elif (tallies := _tally(values)) is None:
            super().AddValues(values)
        else:
            super().AddValues(*tallies)


def _tally(values: pa.Array) -> tuple[pa.Array, pa.Array] | None:
    """Returns which integers there are and how many of each, if all are small."""
    if not pa.types.is_integer(values.type) or len(values) < _FEW:
        return None
    numbers = np.asarray(values)
    if numbers.min() < 0 or numbers.max() >= _FEW:
        return None
    counts = np.bincount(numbers)
    present = np.flatnonzero(counts)
    return pa.array(present), pa.array(counts[present], pa.float64())


def read_record_batches(file: str) -> Iterator[pa.RecordBatch]:
    """Reads a gzip TFRecord of Examples, a column for each feature that it has.

    Raises:
      tf.errors.DataLossError: the file is damaged.
      RuntimeError: a record is no Example.
    """
    records = tf.data.TFRecordDataset(file, compression_type="GZIP")
    decoder = ExamplesToRecordBatchDecoder()
    for batch in without_autotuning(
        records.batch(_BATCH).prefetch(2)
    ).as_numpy_iterator():
        yield decoder.DecodeBatch(batch)
