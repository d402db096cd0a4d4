"""manifest.json: what a published version holds and where it came from.

The model store writes one into each version and believes none that it reads before
it is checked.
"""

import json
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from components.classes import DIGITS, ClassNames
from components.durable import files_below, sha256
from components.errors import PipelineError
from components.hyperparameters import STRICT, PositiveInt
from components.plain_errors import plain_problems

MANIFEST_FILE = "manifest.json"
_ODD = "a link or something else that is no plain file"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds characters that cannot be printed")
    return text


def _inside(path: str) -> str:
    """Refuses a path that is not one file of the version, written in one way."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or str(pure) != path or path == ".":
        raise ValueError(f"{path!r} is not a plain path inside the version")
    if path == MANIFEST_FILE:
        raise ValueError(f"{MANIFEST_FILE} cannot list itself")
    return path


Line = Annotated[str, AfterValidator(_printable)]
FilePath = Annotated[Line, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=STRICT)
class Metrics:
    """What the Evaluator measured on the test split; None where it could not."""

    accuracy: float | None
    loss: float | None
    per_class: dict[Line, float | None]


@dataclass(frozen=True, config=STRICT)
class MeaningChange:
    """That the data means something else than that of an earlier version.

    Attributes:
      version: the earlier one; None where it is no longer published.
      candidate: accuracy of this version on its own test split.
      candidate_before: accuracy of this version on the earlier one's.
      previous: accuracy of the earlier version on this one's.
      previous_before: accuracy of the earlier version on its own.
      renamed: label → what this version calls most of the earlier records of it.
    """

    version: PositiveInt | None
    candidate: float
    candidate_before: float
    previous: float
    previous_before: float
    renamed: dict[Line, Line]


@dataclass(frozen=True, config=STRICT)
class Manifest:
    """One published version.

    Attributes:
      version: its number, which names its folder.
      pipeline: name of the pipeline that made the model.
      run_id: the run that made the model.
      time: when this version was published, UTC.
      digests: of the code, the data and the schema.
      metrics: of the model, if it was evaluated.
      baseline: of the model that it was compared with, if there was one.
      checks: every check of every gate.
      versions: of Python, TFX and TensorFlow.
      files: path of each file, relative to the version, to its SHA-256.
      classes: the names of the classes, in the order of the labels.
      rebaseline: whether the run was told to ignore the baseline.
      rollback_of: the older version that this one is a copy of, if it is one.
      commit: of the code that published the model, ``-dirty`` where files differed
        from it; None where that was no git checkout.
      meaning_change: that the gates found, and ``rebaseline`` let pass; None where
        the data means what it meant, or there was no earlier data to compare with.
    """

    version: PositiveInt
    pipeline: Line
    run_id: Line
    time: AwareDatetime
    digests: dict[Line, Line]
    metrics: Metrics | None
    baseline: Metrics | None
    checks: list[dict[str, Any]]
    versions: dict[Line, Line]
    files: Annotated[dict[FilePath, Sha256], Field(min_length=1)]
    classes: ClassNames = DIGITS
    rebaseline: bool = False
    rollback_of: PositiveInt | None = None
    commit: Line | None = None
    meaning_change: MeaningChange | None = None

    def __post_init__(self) -> None:
        """Refuses a copy of itself or of a later version, so that no chain is endless.

        Raises:
          ValueError: ``rollback_of`` is not below ``version``.
        """
        if self.rollback_of is not None and self.rollback_of >= self.version:
            raise ValueError(
                f"rollback_of {self.rollback_of} is not older than {self.version}"
            )


_MANIFEST = TypeAdapter(Manifest)


def to_json(manifest: Manifest) -> str:
    """Returns the content of ``manifest.json``."""
    return _MANIFEST.dump_json(manifest, indent=2).decode() + "\n"


def facts_of(manifest: Manifest) -> dict[str, Any]:
    """Returns as JSON values what is also true of a copy of the version."""
    own = {"version", "time", "files"}
    return _MANIFEST.dump_python(manifest, mode="json", exclude=own)


def new_manifest(values: Mapping[str, Any]) -> Manifest:
    """Builds a manifest from JSON values.

    Raises:
      PipelineError: a key is missing, unknown or holds a wrong value.
    """
    return _checked(json.dumps(values), "the facts about the model")


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a version and checks it.

    Args:
      folder: of the version, named by its number.

    Raises:
      PipelineError: there is none, it is damaged, or that of another version.
    """
    file = folder / MANIFEST_FILE
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            raise PipelineError(f"Expected {file} to be a file. Received: {_ODD}.")
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PipelineError(
            f"Expected a manifest in {file}. Received: {reason}. Restore it, or push "
            "a model again."
        ) from error
    manifest = _checked(text, str(file))
    if str(manifest.version) != folder.name:
        raise PipelineError(
            f"Expected {file} to describe version {folder.name}. Received: the "
            f"manifest of version {manifest.version}. Restore it, or push a model "
            "again."
        )
    return manifest


def compare(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Holds the files of a version to its manifest.

    Returns:
      Path of a file to ``missing``, ``changed`` or ``added``; empty when all files
      are as published.

    Raises:
      OSError: a file cannot be read.
    """
    return differences(manifest.files, digests(folder))


def digests(folder: Path) -> dict[str, str]:
    """Returns the path of each file of a model to its SHA-256.

    Models are the same where these are. A ``manifest.json`` is left out, and what is
    no plain file has no digest but the words for it.

    Raises:
      OSError: a file cannot be read.
    """
    return {
        path: sha256(folder / path) if regular else _ODD
        for path, regular in files_below(folder)
        if path != MANIFEST_FILE
    }


def differences(
    expected: Mapping[str, str], received: Mapping[str, str]
) -> dict[str, str]:
    """Returns path → ``missing``, ``changed`` or ``added``, from paths → digests."""
    result = {path: "added" for path in received if path not in expected}
    for path, digest in expected.items():
        if path not in received:
            result[path] = "missing"
        elif received[path] != digest:
            result[path] = "changed"
    return dict(sorted(result.items()))


def require_whole(folder: Path, problems: Mapping[str, str], advice: str) -> None:
    """Refuses a version whose files are not as published.

    Args:
      folder: of the version.
      problems: from ``compare``.
      advice: what to do next, a sentence.

    Raises:
      PipelineError: names each file that is missing, changed or added.
    """
    if problems:
        raise PipelineError(
            f"Expected the files in {folder} to be as published. "
            f"Received: {listed(problems)}. {advice}"
        )


def listed(problems: Mapping[str, str]) -> str:
    """Names each file of ``compare`` with what is wrong with it, in one line."""
    return ", ".join(f"{path!r} {what}" for path, what in problems.items())


def _checked(text: str, name: str) -> Manifest:
    try:
        return _MANIFEST.validate_json(text)
    except ValidationError as error:
        raise PipelineError(
            f"Expected {name} to hold all that a manifest holds. "
            f"Received: {plain_problems(error, most=3)}. "
            "Restore it, or push a model again."
        ) from error
