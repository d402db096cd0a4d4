"""ServingCheck: calls the exported model in a fresh process before it is pushed.

It emits the ``InfraBlessing`` of TFX's InfraValidator and needs no Docker.
"""

import json
import math
import tempfile
from pathlib import Path

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
from components.serving.process import GRACE_SECONDS, run_probe
from components.serving.requests import REFERENCE_FILE, Reference, read_reference
from components.serving.verdict import judge, read_observations


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
