"""ServingCheck: calls the exported model in fresh processes before it is pushed.

It emits the ``InfraBlessing`` of TFX's InfraValidator and needs no Docker.
"""

import json
import math
import tempfile
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelRun
from tfx.utils import path_utils

from components.checks import Check, bless
from components.errors import PipelineError
from components.gate_settings import ServingCheckSettings
from components.hyperparameters import from_dict
from components.serving.isolation import PrivateCopy, private_copy
from components.serving.observations import read_observations
from components.serving.process import GRACE_SECONDS, run_probes
from components.serving.requests import REFERENCE_FILE, Reference, read_reference
from components.serving.stress_verdict import judge_stress, stress_timeout
from components.serving.verdict import judge


@component
def ServingCheck(  # noqa: N802
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    blessing: OutputArtifact[InfraBlessing],
    settings: Parameter[str],
) -> None:
    """Blesses an export that keeps to the settings, and says why it does not.

    An unfit model does not raise.

    Args:
      model: of the Trainer.
      model_run: of the Trainer; holds ``reference.npz``.
      blessing: gets checks.json and the files and property of InfraValidator's.
      settings: fields of ``ServingCheckSettings``, as JSON.

    Raises:
      PipelineError: the Trainer left no reference to compare with.
    """
    bounds = from_dict(ServingCheckSettings, json.loads(settings))
    export = Path(path_utils.serving_model_path(model.uri))
    bless(blessing, check_export(export, Path(model_run.uri), bounds))


def check_export(
    export: Path, model_run: Path, settings: ServingCheckSettings
) -> list[Check]:
    """Probes a copy of an export in two fresh processes and judges what was seen.

    One calls each signature a few times, the other often and with many images.

    Args:
      export: the SavedModel's folder.
      model_run: the folder with the Trainer's ``reference.npz``.
      settings: the bounds.

    Raises:
      PipelineError: there is no reference.
    """
    reference = _read_reference(model_run)
    with private_copy(export) as copy, tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, name).absolute() for name in ("calls", "stress")]
        limits = (settings.timeout, stress_timeout(settings))
        batches = (None, settings.max_batch)
        ends = run_probes(
            [
                (_request(copy, model_run, file, max_batch, limit), limit)
                for file, max_batch, limit in zip(files, batches, limits, strict=True)
            ]
        )
        first, stressed = map(read_observations, files)
        changed = copy.changed()
    of_export = (path for path in export.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in of_export) / 1e6
    checks = judge(first, ends[0], size, changed, reference, settings)
    for end in ends[1:]:
        checks += judge_stress(first, stressed, end, checks, reference, settings)
    return checks


def _request(
    copy: PrivateCopy,
    model_run: Path,
    observations: Path,
    max_batch: int | None,
    timeout: float,
) -> dict[str, Any]:
    """Returns the arguments of ``probe.answer``."""
    return {
        "folder": str(copy.folder.absolute()),
        "user": copy.user,
        "model_run": str(model_run.absolute()),
        "observations": str(observations),
        "seconds": math.ceil(timeout) + GRACE_SECONDS,
        "max_batch": max_batch,
    }


def _read_reference(model_run: Path) -> Reference:
    try:
        return read_reference(model_run)
    except FileNotFoundError as error:
        raise PipelineError(
            f"Expected the Trainer's own predictions in {model_run / REFERENCE_FILE}. "
            "Received: no such file. Run the Trainer again; its run_fn writes them "
            "with components.serving.requests.write_reference."
        ) from error
