"""ModelAudit: measures a candidate beyond the Evaluator's accuracy, for the model gate.

It loads each model once and hands their answers to pure functions, which return checks:
each family of checks is a module beside this one.
"""

import functools
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import tensorflow as tf
from tfx.components.util.examples_utils import get_split_file_patterns
from tfx.dsl.component.experimental.annotations import (
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact
from tfx.types.standard_artifacts import Examples, InfraBlessing, Model, Schema
from tfx.utils.path_utils import serving_model_path

from components.checks import bless
from components.data.audit_records import Records, read_records
from components.data.directions import sampled
from components.durable import files_below, sha256
from components.evaluation.answers import (
    Answers,
    Ask,
    LoadedModel,
    PictureAnswers,
    load_model,
)
from components.evaluation.audit_files import MEANING, UNKNOWN, write_model_audit
from components.evaluation.calibration import calibration_checks
from components.evaluation.easy_test import easy_test_checks
from components.evaluation.meaning import Comparison, compare, meaning_checks
from components.evaluation.unknown import (
    draw_unknown,
    known_checks,
    unknown_checks,
    unknown_pictures,
)
from components.evaluation.weak_spots import (
    draw_mistakes,
    find_slices,
    measure_slices,
    slice_checks,
)
from components.features import TEST, VAL
from components.gate_settings import ModelGateSettings
from components.hyperparameters import from_dict
from components.image_spec import ImageSpec, read_image_spec
from components.plain_paths import plain_path

# What a model or data raises that is damaged, or of another size or other classes.
_OTHER = (tf.errors.OpError, ValueError, OSError, KeyError)
# Of the test split; a picture takes longer than a record.
_KNOWN_PICTURES = 200
_log = logging.getLogger(__name__)


@component
def ModelAudit(  # noqa: N802
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    schema: InputArtifact[Schema],
    blessing: OutputArtifact[InfraBlessing],
    settings: Parameter[str],
    rebaseline: Parameter[int],
    classes: Parameter[str],
    baseline_model: InputArtifact[Model] = None,
    previous_model: InputArtifact[Model] = None,
    previous_examples: InputArtifact[Examples] = None,
) -> None:
    """Blesses a candidate that keeps to the settings, and says why it does not.

    An unfit model does not raise; one that cannot be called at all does, and
    ServingCheck says why.

    Args:
      examples: that the candidate was trained on, with the splits of ``SPLITS``.
      model: the candidate.
      schema: says the size of an image and the number of classes.
      blessing: gets checks.json, model_audit.json, a PNG of the worst mistakes and one
        of unknown pictures, and the files and property of InfraValidator's.
      settings: fields of ``ModelGateSettings``, as JSON.
      rebaseline: 1 where the run was told that its data may mean something else.
      classes: their names as a list in JSON, in the order of the labels.
      baseline_model: the one that serves.
      previous_model: the newest published one that was trained on other data.
      previous_examples: that this model was trained and evaluated on.
    """
    bounds = from_dict(ModelGateSettings, json.loads(settings))
    spec = read_image_spec(schema.uri)
    load = functools.cache(load_model)
    ask = _asker(load, spec)
    test, validated = (_read(examples, split, spec) for split in (TEST, VAL))
    candidate = ask(model.uri, test)
    serving = _baseline(ask, baseline_model, test)

    slices = find_slices(candidate)
    results = measure_slices(slices, candidate, serving)
    names = json.loads(classes)
    unknown, known = _ask_pictures(load(model.uri), spec, names, test)
    checks = [
        *slice_checks(results, bounds),
        *calibration_checks(
            candidate.probabilities, test.labels, validated.total, bounds
        ),
        *easy_test_checks(candidate, ask(model.uri, validated), bounds),
        *unknown_checks(unknown, bounds),
        *(known_checks(known, bounds) if known else ()),
    ]
    measured: dict[str, Any] = {
        "slices": [attrs.asdict(result) for result in results],
        "mistakes": draw_mistakes(blessing.uri, slices, results, candidate),
        UNKNOWN: draw_unknown(blessing.uri, unknown, names),
    }
    if previous_model is not None:
        comparison, why = _compare(
            ask, test, model, baseline_model, previous_model, previous_examples, spec
        )
        measured[MEANING] = _described(comparison, why, previous_model)
        if comparison:
            checks += meaning_checks(comparison, bounds, bool(rebaseline))
    write_model_audit(blessing.uri, measured)
    bless(blessing, checks)


def _asker(load: Callable[[str], LoadedModel], spec: ImageSpec) -> Ask:
    """Returns what asks models; each is asked once about a split."""

    @functools.cache
    def ask(uri: str, records: Records) -> Answers:
        answers = load(uri).ask(records)
        classes = answers.probabilities.shape[1]
        if classes != spec.classes:
            raise ValueError(f"it knows {classes} classes, the data has {spec.classes}")
        return answers

    return ask


def _ask_pictures(
    model: LoadedModel, spec: ImageSpec, classes: Sequence[str], test: Records
) -> tuple[dict[str, PictureAnswers], PictureAnswers | None]:
    """Shows a model what none of its classes is, by kind, and some that it knows.

    Nothing where it takes no pictures.
    """
    pictures = unknown_pictures(spec.size, classes)
    known = test.images[sampled(len(test.images), _KNOWN_PICTURES)]
    try:
        unknown = {kind: model.ask_pictures(some) for kind, some in pictures.items()}
        return unknown, model.ask_pictures(known)
    except KeyError as error:
        _log.warning("no pictures were shown to the model: it lacks %s", error)
        return {}, None


def _read(examples: Artifact, split: str, spec: ImageSpec) -> Records:
    records = read_records(get_split_file_patterns([examples], split), spec)
    if not len(records.labels):
        raise ValueError(f"the {split} split is empty")
    return records


def _baseline(ask: Ask, model: Artifact | None, test: Records) -> Answers | None:
    """Returns the answers of the model that serves, where it can be asked."""
    if model is None:
        return None
    try:
        return ask(model.uri, test)
    except _OTHER as error:
        _log.warning("the model that serves was not asked: %s", _first_line(error))
        return None


def _compare(
    ask: Ask,
    test: Records,
    model: Artifact,
    baseline: Artifact | None,
    previous: Artifact,
    examples: Artifact | None,
    spec: ImageSpec,
) -> tuple[Comparison | None, str]:
    """Compares with the earlier model, or says why that cannot be done."""
    if examples is None:
        return None, "the data of the earlier model is gone"
    try:
        before = _read(examples, TEST, spec)
        other = baseline is not None and baseline.uri != previous.uri
        serving = _baseline(ask, baseline, before) if other else None
        of_candidate = ask(model.uri, test), ask(model.uri, before)
        of_previous = ask(previous.uri, test), ask(previous.uri, before)
        return compare(*of_candidate, *of_previous, serving), ""
    except _OTHER as error:
        return None, f"the earlier model or its data does not fit: {_first_line(error)}"


def _described(
    comparison: Comparison | None, why: str, previous: Artifact
) -> dict[str, Any]:
    """Returns what a comparison found, and the files of the model compared with."""
    if comparison is None:
        _log.warning("the meaning of the data was not compared: %s", why)
        return {"not_compared": why}
    with plain_path(serving_model_path(previous.uri)) as folder:
        export = Path(folder)
        files = {
            name: sha256(export / name)
            for name, regular in files_below(export)
            if regular
        }
    return {**attrs.asdict(comparison), "compared_with": files}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
