"""The data of a report, from artifacts whose content is known."""

import numpy as np
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.data.counts import SplitStatistics
from pipeline.metadata.lineage import RunArtifact
from pipeline.reporting.data import (
    Anomaly,
    anomalies,
    binned_pixels,
    distributions,
    drift_checks,
    read_anomalies,
    samples,
)
from pipeline.reporting.sources import Sources, UnavailableError


def test_pixel_values_are_binned_by_sixteen() -> None:
    pixels = np.zeros(256, int)
    pixels[[0, 15, 16, 255]] = [1, 2, 3, 4]
    shares = binned_pixels(SplitStatistics(pixels=tuple(pixels)))

    np.testing.assert_allclose(shares, [0.3, 0.3, *[0] * 13, 0.4])


def test_distributions_come_from_the_gate(lineage, make_summary) -> None:
    found = distributions(Sources(make_summary(), lineage))

    assert found.splits == ["train", "val", "test"]
    assert found.rows[3] == ("3 (Dress)", [(5, 0.1)] * 3)
    assert "T-shirt/top" in found.balance


def test_where_the_gate_refused_they_come_from_what_it_was_given(
    lineage, make_summary
) -> None:
    found = distributions(Sources(make_summary(), lineage.without("DataGate")))

    # In the test split one image of class 0 is labelled 9, one of class 7 is 2.
    assert [counts[2] for _, counts in found.rows] == [
        (4, 0.08),
        (5, 0.1),
        (6, 0.12),
        *[(5, 0.1)] * 4,
        (4, 0.08),
        (5, 0.1),
        (6, 0.12),
    ]


def test_records_that_deviate_from_the_schema_are_not_shown(
    lineage, make_summary
) -> None:
    summary = make_summary()
    summary["checks"][0] |= {"name": "anomaly: label: out of range", "passed": False}
    refused = Sources(summary, lineage.without("DataGate"))

    for build in (distributions, samples):
        with pytest.raises(UnavailableError, match="records of train deviate"):
            build(refused)


def test_a_run_before_counts_were_kept_says_so(lineage, make_summary, tmp_path) -> None:
    older = lineage.without("DataGate")
    older.artifacts["StatisticsGen", "statistics"] = RunArtifact(str(tmp_path), {})

    with pytest.raises(UnavailableError, match="counted nothing"):
        distributions(Sources(make_summary(), older))


def test_samples_are_the_first_of_each_class(lineage, make_summary) -> None:
    found = samples(Sources(make_summary(), lineage))

    assert [sample.count for sample in found] == [5] * 10
    assert [sample.name for sample in found][:2] == ["0 (T-shirt/top)", "1 (Trouser)"]
    assert len({sample.strip for sample in found}) == 10


def test_anomalies_of_every_severity_are_listed(lineage, make_summary) -> None:
    assert anomalies(Sources(make_summary(), lineage)) == [
        Anomaly("val", "label", "warning", "Values are <odd>.")
    ]


def test_anomalies_of_the_whole_data_set_are_listed_last() -> None:
    message = anomalies_pb2.Anomalies()
    message.dataset_anomaly_info.severity = anomalies_pb2.AnomalyInfo.ERROR
    message.dataset_anomaly_info.description = "Too few."
    message.anomaly_info["image"].description = "Gone."

    assert read_anomalies("train", message.SerializeToString()) == [
        Anomaly("train", "image", "unknown", "Gone."),
        Anomaly("train", "all features", "error", "Too few."),
    ]


def test_drift_is_found_with_its_place_in_the_summary(make_summary) -> None:
    summary = make_summary()

    assert drift_checks(summary) == [(1, summary["checks"][1])]
