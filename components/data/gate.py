"""DataGate: stops the run when the data is not fit to train on.

It reads what ExampleValidator found and what StatisticsGen counted, and says of each
check what it saw and what is allowed.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import Artifact, BaseChannel, Channel, artifact_utils
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    ExampleStatistics,
    Schema,
)
from tfx.utils import io_utils

from components.artifacts import DataVerdict
from components.checks import Check, GateError, write_checks
from components.data.counts import (
    DataStatistics,
    read_statistics,
    write_statistics,
)
from components.data.previous import STATISTICS_ID
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


class DataGateSpec(ComponentSpec):
    """What DataGate takes and gives."""

    PARAMETERS: ClassVar = {"settings": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {
        "statistics": ChannelParameter(type=ExampleStatistics),
        "anomalies": ChannelParameter(type=ExampleAnomalies),
        "schema": ChannelParameter(type=Schema),
        "previous": ChannelParameter(type=DataVerdict, optional=True),
    }
    OUTPUTS: ClassVar = {"verdict": ChannelParameter(type=DataVerdict)}


class DataGateExecutor(BaseExecutor):
    """Makes every check; raises when one of them stops."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes checks.json and statistics.json, and links the data judged.

        Raises:
          GateError: a check stops the run. Anomalies do so, with the sizes,
            before statistics.json is read: its counts leave malformed records out.
          OSError: StatisticsGen wrote no statistics.json.
        """
        settings = from_dict(DataGateSettings, json.loads(exec_properties["settings"]))
        inputs = {
            key: artifacts[0] for key, artifacts in input_dict.items() if artifacts
        }
        [verdict] = output_dict["verdict"]

        schema = read_schema(Path(io_utils.get_only_uri_in_dir(inputs["schema"].uri)))
        checks = _anomalies(inputs["anomalies"], schema, settings)
        checks += size_checks(_sizes(inputs["statistics"]), settings)
        if any(check.stops and check.name.startswith("anomaly") for check in checks):
            raise GateError(checks)

        statistics = read_statistics(inputs["statistics"].uri)
        checks += statistics_checks(statistics, settings, spec_of(schema))
        previous = _previous(inputs.get("previous"))
        if previous is not None:
            checks += previous_drift_checks(statistics, previous, settings)
        _decide(checks)

        write_statistics(verdict.uri, statistics)
        write_checks(verdict.uri, checks)
        verdict.set_int_custom_property(STATISTICS_ID, inputs["statistics"].id)


class DataGate(BaseComponent):
    """Lets data through to Transform, or stops the run with a readable list."""

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = ExecutorClassSpec(DataGateExecutor)

    def __init__(
        self,
        statistics: BaseChannel,
        anomalies: BaseChannel,
        schema: BaseChannel,
        settings: Mapping[str, Any],
        previous: BaseChannel | None = None,
    ) -> None:
        """Constructs the node.

        Args:
          statistics: of examples with splits ``train``, ``val`` and ``test``, by
            ``BatchingStatisticsGen``.
          anomalies: of these statistics.
          schema: that the anomalies are deviations from.
          settings: fields of ``DataGateSettings``.
          previous: the verdict on earlier data, to measure drift from.
        """
        super().__init__(
            DataGateSpec(
                statistics=statistics,
                anomalies=anomalies,
                schema=schema,
                previous=previous,
                # Sorted, because the string is part of the cache key.
                settings=json.dumps(dict(settings), sort_keys=True),
                verdict=Channel(type=DataVerdict),
            )
        )


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
