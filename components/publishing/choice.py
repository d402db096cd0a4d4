"""Why a resolver chose a model: written as an artifact, read for the report."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import attrs
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.types import Artifact

from components.artifacts import ModelChoice
from components.durable import replace_text

CHOICE_FILE = "choice.json"


@attrs.frozen
class Choice:
    """Why it is this model, or none.

    Attributes:
      why: what it is; completes the sentence "Compared with ….".
      version: the version that it is published as, if it is.
    """

    why: str
    version: int | None = None


def write_choice(choice: Choice, root: Path, before: Sequence[Artifact]) -> Artifact:
    """Writes a choice below the root of artifacts.

    Args:
      choice: to write.
      root: of all artifacts.
      before: the ``ModelChoice`` artifacts there are; one that says the same is taken
        again, so that runs with nothing changed leave nothing behind.

    Returns:
      The artifact, which TFX publishes where it is new.
    """
    text = json.dumps(attrs.asdict(choice), indent=2) + "\n"
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = root / ModelChoice.TYPE_NAME / "choice" / name
    folder.mkdir(parents=True, exist_ok=True)
    replace_text(folder / CHOICE_FILE, text)
    for artifact in before:
        if artifact.uri == str(folder):
            return artifact
    artifact = ModelChoice()
    artifact.uri = str(folder)
    artifact.mlmd_artifact.state = mlmd.Artifact.LIVE
    return artifact


def read_choice(uri: str) -> Choice:
    """Reads what ``write_choice`` wrote.

    Raises:
      OSError: it is gone.
    """
    text = (Path(uri) / CHOICE_FILE).read_text(encoding="utf-8")
    return Choice(**json.loads(text))
