"""StatisticsGen's executor: the statistics of TFX's own, from batches of records."""

import json
import pickle
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.executor import Executor as TfxExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types.artifact_utils import decode_split_names, encode_split_names
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Schema
from tfx_bsl.sketches import QuantilesSketch

from components.checkout import PROJECT_ROOT
from components.data import statistics_gen
from components.data.counts import read_statistics
from components.data.statistics_gen import (
    BatchingExecutor,
    CountingExecutor,
    TallyingSketch,
    read_record_batches,
)
from pipeline.datasets.shards import write_shard
from tests.typed_beam import TYPED_BEAM_ARGS

pytestmark = pytest.mark.slow

SPLITS = ("train", "test", "empty")
SCHEMA = PROJECT_ROOT / "schema" / "schema.pbtxt"
SPAN = 4
# The part of the values by which it may be off, their largest number, one stream.
SKETCH = 0.01, 1 << 32, 1


@pytest.fixture
def examples(tmp_path: Path, tiny_examples: Path) -> Examples:
    """Two shards in ``train``, one in ``test``, one of no records in ``empty``."""
    examples = Examples()
    examples.uri = str(tmp_path / "examples")
    examples.split_names = encode_split_names(list(SPLITS))
    examples.span = SPAN
    for split, count in zip(SPLITS, (2, 1, 0), strict=True):
        folder = tmp_path / "examples" / f"Split-{split}"
        folder.mkdir(parents=True)
        for shard in sorted(tiny_examples.iterdir())[:count]:
            (folder / shard.name).write_bytes(shard.read_bytes())
    write_shard(folder / "empty.tfrecord.gz", [])
    return examples


def generate(
    executor: type[BaseBeamExecutor], examples: Examples, folder: Path
) -> ExampleStatistics:
    """Runs an executor on the examples with the curated schema."""
    schema, statistics = Schema(), ExampleStatistics()
    schema.uri = str(folder / "schema")
    Path(schema.uri).mkdir(parents=True)
    (Path(schema.uri) / SCHEMA.name).write_text(SCHEMA.read_text())
    statistics.uri = str(folder / "statistics")
    context = executor.Context(
        make_beam_pipeline_fn=lambda: beam.Pipeline(argv=TYPED_BEAM_ARGS)
    )
    executor(context).Do(
        {"examples": [examples], "schema": [schema]}, {"statistics": [statistics]}, {}
    )
    return statistics


def content(statistics: ExampleStatistics, split: str) -> dict[str, Any]:
    """Returns the statistics of a split, its floats to ten digits.

    The last ones depend on how the examples were put together.
    """
    file = Path(statistics.uri, f"Split-{split}", "FeatureStats.pb")
    read = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    [dataset] = read.datasets
    text = json_format.MessageToJson(dataset)
    return json.loads(text, parse_float=lambda digits: f"{float(digits):.10g}")


def test_the_statistics_are_those_of_tfx(examples, tmp_path, monkeypatch):
    """In batches of 7, so that they have to be merged."""
    monkeypatch.setattr(statistics_gen, "_BATCH", 7)

    ours = generate(BatchingExecutor, examples, tmp_path / "ours")
    theirs = generate(TfxExecutor, examples, tmp_path / "theirs")

    for split, count in zip(SPLITS, (20, 10, 0), strict=True):
        assert content(ours, split) == content(theirs, split)
        if count:
            assert content(ours, split)["numExamples"] == str(count)
            assert len(content(ours, split)["features"]) == 2


def test_splits_without_any_record_have_the_statistics_of_tfx(examples, tmp_path):
    for shard in Path(examples.uri).glob("*/*"):
        write_shard(shard, [])

    ours = generate(BatchingExecutor, examples, tmp_path / "ours")
    theirs = generate(TfxExecutor, examples, tmp_path / "theirs")

    for split in SPLITS:
        assert content(ours, split) == content(theirs, split) == {}


def test_the_artifact_says_what_that_of_tfx_says(examples, tmp_path):
    ours = generate(BatchingExecutor, examples, tmp_path / "ours")
    theirs = generate(TfxExecutor, examples, tmp_path / "theirs")

    assert decode_split_names(ours.split_names) == list(SPLITS)
    assert ours.split_names == theirs.split_names
    assert ours.span == theirs.span == SPAN


def test_the_executor_of_tfx_is_followed_by_our_counts(examples, tmp_path):
    ours = generate(BatchingExecutor, examples, tmp_path / "ours")
    counting = generate(CountingExecutor, examples, tmp_path / "counting")
    theirs = generate(TfxExecutor, examples, tmp_path / "theirs")

    for split in SPLITS:
        assert content(counting, split) == content(theirs, split)
    assert read_statistics(counting.uri) == read_statistics(ours.uri)


def test_what_the_gate_wants_is_counted_beside_them(examples, tmp_path, monkeypatch):
    monkeypatch.setattr(statistics_gen, "_BATCH", 7)
    statistics = generate(BatchingExecutor, examples, tmp_path)

    counts = read_statistics(statistics.uri)
    assert {name: split.examples for name, split in counts.splits.items()} == {
        "train": 20,
        "test": 10,
    }
    assert counts.split("train").labels == (2,) * 10
    # The records of ``test`` are the first ten of ``train``.
    assert counts.leakage == {("train", "test"): 10}


def test_batches_hold_every_record_in_order(tiny_examples, tiny_items):
    shard = min(tiny_examples.iterdir())

    [batch] = read_record_batches(str(shard))

    assert batch.num_rows == 10
    columns = batch.to_pydict()
    assert columns["image"] == tiny_items[0][:10].tolist()
    assert columns["label"] == tiny_items[1][:10, None].tolist()


def test_a_file_that_is_cut_off_is_an_error(tiny_examples, tmp_path):
    whole = min(tiny_examples.iterdir()).read_bytes()
    cut = tmp_path / "cut.tfrecord.gz"
    cut.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(tf.errors.DataLossError):
        list(read_record_batches(str(cut)))


def test_a_record_that_is_no_example_is_an_error(tmp_path):
    file = tmp_path / "text.tfrecord.gz"
    write_shard(file, [b"\xff\xff\xff\xff"])

    with pytest.raises(RuntimeError, match="Unable to parse"):
        list(read_record_batches(str(file)))


def quantiles(sketch: QuantilesSketch) -> list[float]:
    [values] = sketch.GetQuantiles(10).to_pylist()
    return values


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.arange(5000) % 256, id="small integers"),
        pytest.param(np.minimum(np.arange(5000), 255), id="mostly one integer"),
        pytest.param(np.arange(5000) - 2500, id="negative ones"),
        pytest.param(np.arange(5000) * 1000, id="large ones"),
        pytest.param(np.linspace(0, 1, 5000), id="floats"),
        pytest.param(np.arange(20), id="few"),
    ],
)
def test_a_tallying_sketch_has_the_quantiles_of_a_plain_one(values):
    tallying, plain = TallyingSketch(*SKETCH), QuantilesSketch(*SKETCH)
    for sketch in (tallying, plain):
        sketch.AddValues(pa.array(values))

    allowed = 0.02 * (values.max() - values.min())
    assert quantiles(tallying) == pytest.approx(quantiles(plain), abs=allowed)


def test_a_tallying_sketch_takes_weights():
    sketch = TallyingSketch(*SKETCH)
    sketch.AddValues(pa.array([1, 2]), pa.array([1.0, 99.0]))

    assert quantiles(sketch) == [1] + [2] * 10


def test_tallying_sketches_are_pickled_and_merged():
    """Beam does both between the stages of a pipeline."""
    low, high = (TallyingSketch(*SKETCH) for _ in range(2))
    low.AddValues(pa.array(np.zeros(4000, np.int64)))
    high.AddValues(pa.array(np.full(4000, 255)))

    merged = pickle.loads(pickle.dumps(low))
    merged.Merge(pickle.loads(pickle.dumps(high)))

    assert quantiles(merged) == [0] * 5 + [255] * 6
