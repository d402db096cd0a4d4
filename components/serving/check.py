"""ServingCheck: calls the exported model in a fresh process before it is pushed.

It emits the ``InfraBlessing`` of TFX's InfraValidator and needs no Docker.
"""

import json
import logging
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import Artifact, BaseChannel, Channel
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelRun
from tfx.utils import path_utils

from components.checks import Check, write_checks
from components.errors import PipelineError
from components.gate_settings import ServingCheckSettings
from components.hyperparameters import from_dict
from components.serving.process import GRACE_SECONDS, run_probe
from components.serving.requests import REFERENCE_FILE, Reference, read_reference
from components.serving.verdict import judge, read_observations

# As InfraValidator writes them and tfx.components.util.model_utils reads them.
_BLESSED = "blessed"
_BLESSING_FILES = ("INFRA_NOT_BLESSED", "INFRA_BLESSED")

_log = logging.getLogger(__name__)


class ServingCheckSpec(ComponentSpec):
    """What ServingCheck takes and gives."""

    PARAMETERS: ClassVar = {"settings": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=Model),
        "model_run": ChannelParameter(type=ModelRun),
    }
    OUTPUTS: ClassVar = {"blessing": ChannelParameter(type=InfraBlessing)}


class ServingCheckExecutor(BaseExecutor):
    """Blesses an export that keeps to the settings, and says why it does not."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes checks.json and the blessing; an unfit model does not raise.

        Raises:
          PipelineError: the Trainer left no reference to compare with.
        """
        settings = from_dict(
            ServingCheckSettings, json.loads(exec_properties["settings"])
        )
        [model], [model_run] = input_dict["model"], input_dict["model_run"]
        [blessing] = output_dict["blessing"]

        export = Path(path_utils.serving_model_path(model.uri))
        checks = check_export(export, Path(model_run.uri), settings)
        for check in checks:
            if not check.passed:
                _log.warning("%s", check)

        blessed = int(not any(check.stops for check in checks))
        write_checks(blessing.uri, checks)
        (Path(blessing.uri) / _BLESSING_FILES[blessed]).touch()
        blessing.set_int_custom_property(_BLESSED, blessed)


class ServingCheck(BaseComponent):
    """Loads the export with plain TensorFlow and calls every signature."""

    SPEC_CLASS = ServingCheckSpec
    EXECUTOR_SPEC = ExecutorClassSpec(ServingCheckExecutor)

    def __init__(
        self, model: BaseChannel, model_run: BaseChannel, settings: Mapping[str, Any]
    ) -> None:
        """Constructs the node.

        Args:
          model: the ``Model`` of the Trainer.
          model_run: the ``ModelRun`` of the Trainer; holds ``reference.npz``.
          settings: fields of ``ServingCheckSettings``.
        """
        super().__init__(
            spec=ServingCheckSpec(
                model=model,
                model_run=model_run,
                # Sorted, because the string is part of the cache key.
                settings=json.dumps(dict(settings), sort_keys=True),
                blessing=Channel(type=InfraBlessing),
            )
        )


def check_export(
    export: Path, model_run: Path, settings: ServingCheckSettings
) -> list[Check]:
    """Probes an export in a fresh process and judges what was seen.

    Args:
      export: the SavedModel's folder.
      model_run: the folder with the Trainer's ``reference.npz``.
      settings: the bounds.

    Raises:
      PipelineError: there is no reference.
    """
    reference = _read_reference(model_run)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "observations.jsonl"
        request = {
            "export": str(export.absolute()),
            "model_run": str(model_run.absolute()),
            "observations": str(file.absolute()),
            "seconds": math.ceil(settings.timeout) + GRACE_SECONDS,
        }
        end = run_probe(request, settings.timeout)
        observations = read_observations(file)
    files = (path for path in export.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files) / 1e6
    return judge(observations, end, size, reference, settings)


def _read_reference(model_run: Path) -> Reference:
    try:
        return read_reference(model_run)
    except FileNotFoundError as error:
        raise PipelineError(
            f"Expected the Trainer's own predictions in {model_run / REFERENCE_FILE}. "
            "Received: no such file. Run the Trainer again; its run_fn writes them "
            "with components.serving.requests.write_reference."
        ) from error
