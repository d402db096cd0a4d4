"""DataGate: stops the run when the data is not fit to train on.

It reads what ExampleValidator found and what StatisticsGen counted, and says of each
check what it saw and what is allowed.
"""

import dataclasses
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    ExampleStatistics,
    Schema,
)
from tfx.utils import io_utils

from components.artifacts import DataAuditResult, DataVerdict
from components.checks import Check, GateError, write_checks
from components.data.audit_files import read_audit
from components.data.audit_rules import audit_checks
from components.data.counts import (
    DataStatistics,
    read_statistics,
    write_statistics,
)
from components.data.previous import REBASELINE, STATISTICS_ID
from components.data.profile import PROFILE_FILE
from components.data.rules import (
    anomaly_checks,
    previous_drift_checks,
    size_checks,
    statistics_checks,
)
from components.gate_settings import DataGateSettings
from components.hyperparameters import from_dict
from components.image_spec import read_schema, spec_of

# As ExampleValidator names it.
_ANOMALIES_FILE = "SchemaDiff.pb"
_log = logging.getLogger(__name__)


@component
def DataGate(  # noqa: N802
    statistics: InputArtifact[ExampleStatistics],
    anomalies: InputArtifact[ExampleAnomalies],
    schema: InputArtifact[Schema],
    verdict: OutputArtifact[DataVerdict],
    settings: Parameter[str],
    rebaseline: Parameter[int] = 0,
    audit: InputArtifact[DataAuditResult] = None,
    previous: InputArtifact[DataVerdict] = None,
) -> None:
    """Lets data through to Transform, or stops the run with a readable list.

    Args:
      statistics: of examples with splits ``train``, ``val`` and ``test``, by
        ``BatchingStatisticsGen`` or ``CountingStatisticsGen``.
      anomalies: of these statistics.
      schema: that the anomalies are deviations from.
      verdict: gets checks.json, what later data is compared with (statistics.json and
        profile.npz), and a link to the data judged.
      settings: fields of ``DataGateSettings``, as JSON.
      rebaseline: 1 where the run was told that its data may mean something else; what
        earlier data and models say of it only warns then.
      audit: what was found record by record.
      previous: the verdict on earlier data, to measure drift from.

    Raises:
      GateError: a check stops the run. Anomalies do so, with the sizes,
        before statistics.json is read: its counts leave malformed records out.
      OSError: StatisticsGen wrote no statistics.json.
    """
    bounds = from_dict(DataGateSettings, json.loads(settings))
    wanted = read_schema(Path(io_utils.get_only_uri_in_dir(schema.uri)))
    checks = _anomalies(anomalies, wanted, bounds)
    checks += size_checks(_sizes(statistics), bounds)
    if any(check.stops and check.name.startswith("anomaly") for check in checks):
        raise GateError(checks)

    counts = read_statistics(statistics.uri)
    checks += statistics_checks(counts, bounds, spec_of(wanted))
    since = _warning(bounds) if rebaseline else bounds
    before = _previous(previous)
    if before is not None:
        checks += previous_drift_checks(counts, before, since)
    if audit is not None:
        checks += audit_checks(read_audit(audit.uri), since)
    _decide(checks)

    write_statistics(verdict.uri, counts)
    _keep_profile(audit, verdict)
    write_checks(verdict.uri, checks)
    verdict.set_int_custom_property(STATISTICS_ID, statistics.id)
    verdict.set_int_custom_property(REBASELINE, rebaseline)


def _warning(settings: DataGateSettings) -> DataGateSettings:
    """Returns settings whose comparisons with what came before stop nothing."""
    policies: dict[str, Any] = {
        name: "warn"
        for name in ("drift", "unlike", "disagreement")
        if getattr(settings, name) == "error"
    }
    return dataclasses.replace(settings, **policies)


def _anomalies(
    anomalies: Artifact, schema: schema_pb2.Schema, settings: DataGateSettings
) -> list[Check]:
    checks = []
    for split in artifact_utils.decode_split_names(anomalies.split_names):
        directory = artifact_utils.get_split_uri([anomalies], split)
        content = (Path(directory) / _ANOMALIES_FILE).read_bytes()
        found = anomalies_pb2.Anomalies.FromString(content)
        checks += anomaly_checks(split, found, schema, settings)
    return checks


def _sizes(statistics: Artifact) -> dict[str, int]:
    """Examples by split; splits that are missing are left out."""
    return {
        split: load_statistics(statistics, split).proto().datasets[0].num_examples
        for split in artifact_utils.decode_split_names(statistics.split_names)
    }


def _keep_profile(audit: Artifact | None, verdict: Artifact) -> None:
    """Copies the profile, so that a verdict holds all that later data needs."""
    profile = audit and Path(audit.uri) / PROFILE_FILE
    if profile and profile.is_file():
        shutil.copyfile(profile, Path(verdict.uri) / PROFILE_FILE)


def _previous(verdict: Artifact | None) -> DataStatistics | None:
    if verdict is None:
        return None
    try:
        return read_statistics(verdict.uri)
    except FileNotFoundError:
        _log.warning("no drift from %s: its files are gone", verdict.uri)
        return None


def _decide(checks: list[Check]) -> None:
    if any(check.stops for check in checks):
        raise GateError(checks)
    for check in checks:
        if not check.passed:
            _log.warning("%s", check)
