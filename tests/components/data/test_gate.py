"""The node as TFX runs it: artifacts in, a verdict or a rejection out."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.types import Artifact, Channel, artifact_utils
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    ExampleStatistics,
    Schema,
)
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.artifacts import DataVerdict
from components.checkout import PROJECT_ROOT
from components.checks import GateError, read_checks
from components.data.counts import (
    DataStatistics,
    read_statistics,
    write_statistics,
)
from components.data.gate import DataGate
from components.data.scan import count, digest, find_repeated, read_batch
from components.features import SPLITS
from components.image_spec import MNIST
from pipeline.datasets.records import serialize_example

pytestmark = pytest.mark.slow

SIZES = {"train": 100, "val": 50, "test": 50}
SMALL = {"min_train": 100, "min_val": 50, "min_test": 50}
DATA = PROJECT_ROOT / "data" / "mnist"
SCHEMA = PROJECT_ROOT / "schema" / "schema.pbtxt"
STATISTICS_NUMBER = 3


@attrs.frozen
class Inputs:
    """Artifacts in a folder, as the nodes before DataGate write them."""

    root: Path
    artifacts: dict[str, list[Artifact]]
    records: dict[str, list[bytes]] = attrs.field(factory=dict)

    def write_examples(self, split: str, records: list[bytes]) -> None:
        """Takes the records for a split, and counts those of all splits."""
        self.records[split] = records
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.datasets.add().num_examples = len(records)
        file = self._folder("statistics", split) / "FeatureStats.pb"
        file.write_bytes(statistics.SerializeToString())
        write_statistics(self.root / "statistics", counted(self.records))

    def write_anomalies(self, split: str, anomalies: str) -> None:
        """Writes anomalies given as text."""
        message = text_format.Parse(anomalies, anomalies_pb2.Anomalies())
        file = self._folder("anomalies", split) / "SchemaDiff.pb"
        file.write_bytes(message.SerializeToString())

    def _folder(self, key: str, split: str) -> Path:
        folder = self.root / key / f"Split-{split}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def counted(records: Mapping[str, list[bytes]]) -> DataStatistics:
    """What StatisticsGen counts of the records of each split."""
    statistics, digests = DataStatistics(), []
    for split, some in records.items():
        batch = ExamplesToRecordBatchDecoder().DecodeBatch(some)
        images, labels, malformed = read_batch(batch, MNIST)
        statistics += DataStatistics({split: count(images, labels, malformed, 10)})
        digests.append(digest(images, labels, split))
    return statistics + find_repeated(digests)


def digits(split: str) -> list[bytes]:
    """Balanced examples with the ink of MNIST; no image is in two splits."""
    rng = np.random.default_rng(SPLITS.index(split))
    return [
        serialize_example(
            np.where(rng.random(784) < 0.13, 255, 0).astype(np.uint8),
            number % 10,
        )
        for number in range(SIZES[split])
    ]


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """Good data without anomalies."""
    kinds = {
        "statistics": ExampleStatistics,
        "anomalies": ExampleAnomalies,
        "schema": Schema,
    }
    artifacts = {}
    for key, kind in kinds.items():
        artifact = kind()
        artifact.uri = str(tmp_path / key)
        if kind is not Schema:
            artifact.split_names = artifact_utils.encode_split_names(list(SPLITS))
        artifacts[key] = [artifact]
    artifacts["statistics"][0].id = STATISTICS_NUMBER
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.pbtxt").write_text(SCHEMA.read_text())
    inputs = Inputs(tmp_path, artifacts)
    for split in SPLITS:
        inputs.write_examples(split, digits(split))
        inputs.write_anomalies(split, "")
    return inputs


def judge(
    inputs: Inputs,
    settings: Mapping[str, object] = SMALL,
    name: str = "verdict",
    rebaseline: int = 0,
) -> DataVerdict:
    """Runs the executor; returns the verdict."""
    verdict = DataVerdict()
    verdict.uri = str(inputs.root / name)
    given = {key: found[0] for key, found in inputs.artifacts.items() if found}
    DataGate.test_call(
        **given,
        verdict=verdict,
        settings=json.dumps(settings),
        rebaseline=rebaseline,
    )
    return verdict


def rejected(inputs: Inputs, settings: Mapping[str, object] = SMALL) -> list[str]:
    """What stops the run: check, where and value."""
    with pytest.raises(GateError) as caught:
        judge(inputs, settings)
    stopping = [check for check in caught.value.checks if check.stops]
    assert all(check.advice in str(caught.value) for check in stopping)
    lines = str(caught.value).splitlines()[: len(stopping)]
    return [line.partition(", bound")[0].removeprefix("data gate: ") for line in lines]


def test_good_data_gets_a_verdict_that_later_data_is_compared_with(inputs):
    verdict = judge(inputs)

    assert verdict.get_int_custom_property("statistics_id") == STATISTICS_NUMBER
    statistics = read_statistics(verdict.uri)
    assert {n: s.examples for n, s in statistics.splits.items()} == SIZES
    assert statistics.split("train").labels == (10,) * 10
    checks = read_checks(verdict.uri)
    assert all(check.passed for check in checks)
    assert [(c.name, c.slice, c.value) for c in checks[:3]] == [
        ("size", split, SIZES[split]) for split in SPLITS
    ]
    assert not any("previous" in check.slice for check in checks)


def test_anomalies_stop_before_counts_are_looked_at(inputs):
    # Whoever reads this raises.
    (inputs.root / "statistics" / "statistics.json").write_text("not JSON")
    inputs.write_anomalies(
        "val",
        """anomaly_info { key: "image" value {
          severity: ERROR short_description: "Out-of-range values"
          description: "Unexpectedly large value: 256." } }""",
    )

    assert rejected(inputs) == [
        "anomaly: image: out-of-range values, val: Unexpectedly large value: 256"
    ]
    assert not (inputs.root / "verdict").exists()


def test_anomalies_come_with_sizes(inputs):
    inputs.write_anomalies("val", 'anomaly_info { key: "x" value { severity: ERROR } }')
    found = rejected(inputs, {**SMALL, "min_train": 101})
    assert [line.partition(",")[0] for line in found] == ["anomaly: x: ", "size"]


def test_anomalies_as_warnings_let_the_counts_be_judged(inputs, caplog):
    inputs.write_anomalies(
        "val",
        """anomaly_info { key: "extra" value {
          severity: ERROR short_description: "New column"
          description: "Column in data but not in schema." } }""",
    )
    with caplog.at_level(logging.WARNING, "components.data.gate"):
        verdict = judge(inputs, {**SMALL, "anomalies": "warn"})

    [warned] = [check for check in read_checks(verdict.uri) if not check.passed]
    assert (warned.name, warned.slice) == ("anomaly: extra: new column", "val")
    assert [record.getMessage() for record in caplog.records] == [str(warned)]


def test_malformed_records_stop_though_anomalies_are_off(inputs):
    example = tf.train.Example()
    example.features.feature["label"].int64_list.value.append(1)
    inputs.write_examples("val", [*digits("val"), example.SerializeToString()])

    found = rejected(inputs, {**SMALL, "anomalies": "off"})
    assert found == ["malformed records, val: 1"]


def test_a_small_and_a_missing_split_stop(inputs):
    inputs.write_examples("train", digits("train")[:90])
    del inputs.records["test"]
    inputs.write_examples("val", digits("val"))
    for key in ("statistics", "anomalies"):
        [artifact] = inputs.artifacts[key]
        artifact.split_names = artifact_utils.encode_split_names(["train", "val"])

    assert rejected(inputs) == ["size, train: 90", "size, test: 0"]


def test_every_check_that_stops_is_listed(inputs):
    blank = [serialize_example(np.zeros(784, np.uint8), n % 10) for n in range(10)]
    test = digits("test")
    relabelled = tf.train.Example.FromString(test[0])
    relabelled.features.feature["label"].int64_list.value[0] = 6
    train = [*test[1:4], relabelled.SerializeToString(), *digits("train"), *blank]
    inputs.write_examples("train", train)

    assert rejected(inputs) == [
        "leakage, train/test: 4",
        "conflicts, all splits: 1",
        f"constant images, train: {10 / 114:.4g}",
    ]


def test_data_is_compared_with_the_verdict_before(inputs):
    inputs.artifacts["previous"] = [judge(inputs, name="before")]
    same = judge(inputs)
    assert [
        (check.value, check.passed)
        for check in read_checks(same.uri)
        if "previous" in check.slice
    ] == [(0.0, True)] * 6

    # In train, class 0 is twice as frequent and class 1 half as frequent.
    records = digits("train")
    for number in range(1, 100, 20):
        example = tf.train.Example.FromString(records[number])
        example.features.feature["label"].int64_list.value[0] = 0
        records[number] = example.SerializeToString()
    inputs.write_examples("train", records)
    settings = {**SMALL, "max_label_drift": 0.04}
    assert rejected(inputs, settings) == [
        "label drift, val against train: 0.05",
        "label drift, test against train: 0.05",
        "label drift, train against previous: 0.05",
    ]
    warned = judge(inputs, {**settings, "drift": "warn"})
    assert sum(not check.passed for check in read_checks(warned.uri)) == 3


def test_what_came_before_only_warns_where_the_meaning_may_have_changed(inputs):
    inputs.artifacts["previous"] = [judge(inputs, name="before")]
    for split in SPLITS:
        records = digits(split)
        for number in range(1, len(records), 20):
            example = tf.train.Example.FromString(records[number])
            example.features.feature["label"].int64_list.value[0] = 0
            records[number] = example.SerializeToString()
        inputs.write_examples(split, records)
    settings = {**SMALL, "max_label_drift": 0.04}
    said = rejected(inputs, settings)
    assert said
    assert all("against previous" in one for one in said)

    told = judge(inputs, settings, rebaseline=1)

    failed = [check for check in read_checks(told.uri) if not check.passed]
    assert [(one.policy, one.stops) for one in failed] == [("warn", False)] * len(said)
    assert told.get_int_custom_property("rebaseline") == 1


def test_a_verdict_whose_files_are_gone_is_not_compared_with(inputs, caplog):
    gone = DataVerdict()
    gone.uri = str(inputs.root / "gone")
    inputs.artifacts["previous"] = [gone]
    with caplog.at_level(logging.WARNING, "components.data.gate"):
        verdict = judge(inputs)

    assert not any("previous" in check.slice for check in read_checks(verdict.uri))
    assert [record.getMessage() for record in caplog.records] == [
        f"no drift from {gone.uri}: its files are gone"
    ]


def test_no_previous_artifact_is_a_first_run(inputs):
    inputs.artifacts["previous"] = []
    verdict = judge(inputs)
    assert not any("previous" in check.slice for check in read_checks(verdict.uri))


def test_the_bundled_mnist_passes_every_check(inputs):
    for split in SPLITS:
        inputs.write_examples(split, bundled(split))

    verdict = judge(inputs, {})

    statistics = read_statistics(verdict.uri)
    assert {name: counts.examples for name, counts in statistics.splits.items()} == {
        "train": 55_000,
        "val": 5_000,
        "test": 10_000,
    }
    assert (statistics.leakage, statistics.conflicts) == ({}, {})
    assert all(check.passed for check in read_checks(verdict.uri))


def bundled(split: str) -> list[bytes]:
    files = sorted(str(file) for file in (DATA / split).glob("*.tfrecord.gz"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return list(records.as_numpy_iterator())


def test_the_settings_are_part_of_the_cache_key_and_earlier_data_may_be_missing():
    nodes = [
        DataGate(
            statistics=Channel(type=ExampleStatistics),
            anomalies=Channel(type=ExampleAnomalies),
            schema=Channel(type=Schema),
            settings='{"size": "off"}',
            **previous,
        )
        for previous in ({}, {"previous": Channel(type=DataVerdict)})
    ]
    assert [node.exec_properties["settings"] for node in nodes] == [
        '{"size": "off"}'
    ] * 2
    assert [set(node.inputs) for node in nodes] == [
        {"statistics", "anomalies", "schema"},
        {"statistics", "anomalies", "schema", "previous"},
    ]
    assert list(nodes[0].outputs) == ["verdict"]


def test_unknown_settings_are_refused(inputs):
    with pytest.raises(ValueError, match="leakages"):
        judge(inputs, {"leakages": "off"})
