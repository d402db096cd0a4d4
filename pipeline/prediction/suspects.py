"""The most suspicious records of a data set; ``data suspects`` calls it.

What is measured, and how it is written and drawn, is DataAudit's.
"""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import tensorflow as tf

from components.data.audit_findings import (
    ONE_LABEL,
    UNLIKE_TRAIN,
    WRONG_CLASS,
    Finding,
    measure,
    profile_of_train,
    unlike,
)
from components.data.audit_records import Records, read_records
from components.data.model_answers import probabilities
from components.data.profile import Profile, read_profile
from components.errors import DatasetError, PipelineError
from components.features import TRAIN
from components.gates import DATA
from components.image_spec import ImageSpec
from components.publishing.store import ModelStore
from pipeline.config import load_config
from pipeline.datasets.shards import split_files
from pipeline.history.runs import RunHistory
from pipeline.prediction.predictor import ServedModel


@attrs.frozen
class Suspicious:
    """A record, and why it is suspicious.

    Attributes:
      split: that it is in.
      file: of the split, by name.
      record: its number in the file, from 0.
      label: its class.
      answer: which other class a model says; None where none was asked.
      label_probability: what that model gives the label; None likewise.
      answer_probability: what it gives the other class; None likewise.
      findings: that name it.
    """

    split: str
    file: str
    record: int
    label: int
    answer: int | None
    label_probability: float | None
    answer_probability: float | None
    findings: tuple[str, ...]


def read_splits(folder: Path, spec: ImageSpec) -> dict[str, Records]:
    """Reads the records of each split, or a random sample of a very large one.

    Raises:
      DatasetError: there is none, or one is not in the layout.
    """
    splits = {}
    for split, files in split_files(folder).items():
        try:
            splits[split] = read_records([str(file) for file in files], spec)
        except (tf.errors.OpError, ValueError) as error:
            raise DatasetError(
                f"{folder / split}: expected records of {spec.layout}, received others "
                "or a damaged file. `mnist-pipeline data verify "
                f"{shlex.quote(str(folder))}` says which."
            ) from error
    return {split: records for split, records in splits.items() if len(records.labels)}


def find_suspects(
    splits: Mapping[str, Records],
    spec: ImageSpec,
    model: ServedModel | None,
    previous: Profile | None,
) -> list[Finding]:
    """Measures as DataAudit does, and what of train is unlike the rest of it.

    Args:
      splits: to look at.
      spec: what each record holds; the model's, if there is one.
      model: to ask; nothing of it is measured for None.
      previous: of the data that the model was made from, if that is known.
    """
    answers = None
    if model is not None:
        ask = model.loaded.signatures["predict_pixels"]
        answers = {s: probabilities(ask, r.images) for s, r in splits.items()}
    own = profile_of_train(splits, spec.classes)
    found = measure(splits, spec.classes, previous, answers, own=own)
    if previous is None and own is not None:
        found = [*unlike({TRAIN: splits[TRAIN]}, own, UNLIKE_TRAIN), *found]
    return found


def profile_behind(store: ModelStore, version: int) -> Profile | None:
    """Returns the profile of the data that a version was made from, if it is there."""
    config = load_config(workspace=store.base.parents[1])
    try:
        run = RunHistory(config).run(store.manifest(version).run_id)
        verdict = run.output(DATA.node, DATA.output)
        return read_profile(verdict.uri) if verdict else None
    except (PipelineError, OSError, ValueError, KeyError, TypeError):
        return None


def most_suspicious(
    findings: Sequence[Finding], splits: Mapping[str, Records], top: int
) -> list[Suspicious]:
    """Returns the records that most findings name, those ranked higher first.

    Args:
      findings: of these splits.
      splits: that their suspects are of.
      top: how many.
    """
    named: dict[tuple[str, int], list[tuple[int, Finding]]] = {}
    for finding in findings:
        # These name some of those that another finding names already.
        if finding.name not in (ONE_LABEL, WRONG_CLASS):
            for rank, index in enumerate(finding.suspects.tolist()):
                named.setdefault((finding.split, index), []).append((rank, finding))
    order = sorted(
        named, key=lambda key: (-len(named[key]), min(rank for rank, _ in named[key]))
    )
    return [
        _suspicious(splits[split], index, named[split, index])
        for split, index in order[:top]
    ]


def _suspicious(
    records: Records, index: int, named: Sequence[tuple[int, Finding]]
) -> Suspicious:
    # The model is asked before the quick classifier is.
    asked = next(((r, f) for r, f in named if len(f.answers)), None)
    answer, own, other = None, None, None
    if asked:
        rank, finding = asked
        answer = int(finding.answers[rank])
        own, other = (round(float(chance), 4) for chance in finding.chances[rank])
    return Suspicious(
        named[0][1].split,
        Path(records.files[records.file[index]]).name,
        int(records.number[index]),
        int(records.labels[index]),
        answer,
        own,
        other,
        tuple(dict.fromkeys(finding.name for _, finding in named)),
    )
