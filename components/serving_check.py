"""ServingCheck: calls the exported model in a fresh process before it is pushed.

It emits the ``InfraBlessing`` of TFX's InfraValidator and needs no Docker.
"""

import json
import logging
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, ClassVar

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

from components import serving_probe
from components.checks import Check, write_checks
from components.errors import PipelineError
from components.gates import ServingCheckSettings
from components.hyperparameters import from_dict
from components.serving_requests import REFERENCE_FILE, Reference, read_reference
from components.serving_verdict import ProbeEnd, judge, read_observations

# As InfraValidator writes them and tfx.components.util.model_utils reads them.
_BLESSED = "blessed"
_BLESSING_FILES = ("INFRA_NOT_BLESSED", "INFRA_BLESSED")

_ROOT = Path(serving_probe.__file__).parents[1]
_GRACE_SECONDS = 10
# TensorFlow's log: a date, or a letter and four digits. What ends a process is bare.
_NOTE = re.compile(r"\d{4}-\d\d-\d\d |[IWE]\d{4} |WARNING|To enable the following")
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
        end = _run_probe(export, model_run, file, settings.timeout)
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
            "with components.serving_requests.write_reference."
        ) from error


def _run_probe(
    export: Path, model_run: Path, observations: Path, timeout: float
) -> ProbeEnd:
    """Runs the probe in a session of its own, which is killed when time is up."""
    command = [sys.executable, "-m", serving_probe.__name__]
    command += ["--export", str(export.absolute())]
    command += ["--model-run", str(model_run.absolute())]
    command += ["--observations", str(observations.absolute())]
    command += ["--seconds", str(math.ceil(timeout) + _GRACE_SECONDS)]
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=_environment(),
        start_new_session=True,
    )
    last_lines: deque[str] = deque(maxlen=1)
    forward = threading.Thread(
        target=_forward, args=(process.stdout, last_lines), daemon=True
    )
    forward.start()
    try:
        exit_code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        exit_code = None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seconds = time.monotonic() - started
    forward.join(_GRACE_SECONDS)
    return ProbeEnd(seconds, exit_code, "".join(last_lines))


def _environment() -> dict[str, str]:
    path = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        # The Trainer's TensorFlow may still hold all memory of a GPU.
        "CUDA_VISIBLE_DEVICES": "-1",
    }


def _forward(source: IO[str], last_lines: deque[str]) -> None:
    """Copies what the probe prints to our standard error stream, as it comes."""
    with source:
        for line in source:
            sys.stderr.write(line)
            if line.strip() and not _NOTE.match(line):
                last_lines.append(line.strip())
