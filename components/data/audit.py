"""DataAudit: measures the data record by record, for DataGate to hold to bounds.

TFX and TFDV compare distributions, which move too little for what spoils a few percent
of the records, and know nothing of what the model that serves says to them. It judges
nothing itself, so that what it found is kept when DataGate refuses.
"""

import logging
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tfx.components.util.examples_utils import get_split_file_patterns
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types import Artifact
from tfx.types.artifact_utils import decode_split_names
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Model, Schema
from tfx.utils.path_utils import serving_model_path

from components.artifacts import DataAuditResult, DataVerdict
from components.data.audit_files import write_audit
from components.data.audit_findings import (
    measure,
    profile_of_train,
    unlikely_shares,
)
from components.data.audit_records import Records, read_records
from components.data.counts import DataStatistics, read_statistics
from components.data.model_answers import probabilities
from components.data.profile import Profile, read_profile, write_profile
from components.features import SPLITS, TEST
from components.image_spec import ImageSpec, read_image_spec
from components.plain_paths import plain_path

_log = logging.getLogger(__name__)


@component
def DataAudit(  # noqa: N802
    examples: InputArtifact[Examples],
    statistics: InputArtifact[ExampleStatistics],
    schema: InputArtifact[Schema],
    audit: OutputArtifact[DataAuditResult],
    previous: InputArtifact[DataVerdict] = None,
    model: InputArtifact[Model] = None,
    model_examples: InputArtifact[Examples] = None,
) -> None:
    """Measures the records of each split against other data and each other.

    Args:
      examples: with splits of ``SPLITS``; others are not looked at.
      statistics: of the examples; says how many there are.
      schema: says the size of an image and the number of classes.
      audit: gets audit.json, suspects.csv, a PNG for each finding with suspects, and
        the profile of train, which later data is compared with.
      previous: the verdict on earlier data, which holds its profile.
      model: the newest published one that was trained on other data than this.
      model_examples: that this model was trained and evaluated on.
    """
    spec = read_image_spec(schema.uri)
    try:
        splits = _read(examples, read_statistics(statistics.uri), spec)
    except (tf.errors.OpError, ValueError) as error:
        # DataGate refuses these records by the statistics, and says which.
        _log.warning("the records were not audited: %s", error)
        write_audit(audit.uri, [], {}, problem=str(error).partition("\n")[0])
        return
    answers, base = None, None
    if model is not None:
        answers, base = _ask(splits, model, model_examples, spec)
    own = profile_of_train(splits, spec.classes)
    findings = measure(splits, spec.classes, _profile(previous), answers, base, own)
    write_audit(audit.uri, findings, splits)
    if own is not None:
        write_profile(audit.uri, own)


def _read(
    examples: Artifact, statistics: DataStatistics, spec: ImageSpec
) -> dict[str, Records]:
    names = decode_split_names(examples.split_names)
    found = {
        split: read_records(
            get_split_file_patterns([examples], split),
            spec,
            statistics.split(split).examples,
        )
        for split in SPLITS
        if split in names
    }
    return {split: records for split, records in found.items() if len(records.labels)}


def _profile(previous: Artifact | None) -> Profile | None:
    if previous is None:
        return None
    try:
        return read_profile(previous.uri)
    except (OSError, ValueError, KeyError, TypeError):
        _log.warning("%s holds no profile of the data before", previous.uri)
        return None


def _ask(
    splits: Mapping[str, Records],
    model: Artifact,
    model_examples: Artifact | None,
    spec: ImageSpec,
) -> tuple[dict[str, np.ndarray], np.ndarray] | tuple[None, None]:
    """Asks the model what it says to these records, and to the test split it knows."""
    try:
        before = _read_test(model_examples, spec)
    except (tf.errors.OpError, ValueError, OSError) as error:
        _log.warning("the data of the model that serves cannot be read: %s", error)
        before = None
    if before is None:
        return None, None
    with plain_path(serving_model_path(model.uri)) as folder:
        # A signature by itself does not keep the variables of its model.
        loaded = tf.saved_model.load(folder)
        predict = loaded.signatures["predict_pixels"]
        try:
            known = probabilities(predict, before.images)
            found = {
                split: probabilities(predict, records.images)
                for split, records in splits.items()
            }
        except (tf.errors.OpError, ValueError) as error:
            _log.warning("the model that serves takes other images: %s", error)
            return None, None
    if known.shape[1] != spec.classes:
        return None, None
    return found, unlikely_shares(known, before.labels)


def _read_test(examples: Artifact | None, spec: ImageSpec) -> Records | None:
    if examples is None or TEST not in decode_split_names(examples.split_names):
        return None
    records = read_records(get_split_file_patterns([examples], TEST), spec)
    return records if len(records.labels) else None
