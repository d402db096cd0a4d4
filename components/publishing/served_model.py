"""Takes a published version back in as an artifact of the pipeline.

For a model that serves while the metadata store does not know it, or its files are
gone from the artifacts.
"""

import shutil
import tempfile
from pathlib import Path

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.types import Artifact
from tfx.types.standard_artifacts import Model
from tfx.utils.path_utils import serving_model_dir, serving_model_path

from components.artifact_files import forget_files, note_files
from components.durable import copy_files
from components.publishing.manifest import (
    MANIFEST_FILE,
    differences,
    digests,
    require_whole,
)
from components.publishing.serving import Serving

# In the place of a node, with the version in that of an execution.
FOLDER = "ServedModel"


def import_served(serving: Serving, root: Path) -> Artifact:
    """Copies the version that serves below the root of artifacts.

    Args:
      serving: a version that is whole.
      root: of all artifacts.

    Returns:
      A ``Model`` in the layout of the Trainer's, which TFX publishes.

    Raises:
      PipelineError: the version changed while it was copied.
      OSError: it cannot be read, or the copy not be written.
    """
    target = root / FOLDER / "model" / str(serving.version)
    if not holds(str(target), serving):
        _copy(serving, target)
    note_files(str(target))
    model = Model()
    model.uri = str(target)
    model.mlmd_artifact.state = mlmd.Artifact.LIVE
    return model


def _copy(serving: Serving, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as folder:
        fresh = Path(folder) / "model"
        export = Path(serving_model_dir(str(fresh)))
        export.parent.mkdir(parents=True)
        files = copy_files(serving.path, export, leave_out=MANIFEST_FILE)
        assert serving.manifest
        changes = differences(serving.manifest.files, files)
        require_whole(serving.path, changes, "Run again.")
        if holds(str(target), serving):
            # Another process of the cluster was quicker, and may read it now.
            return
        forget_files(str(target))
        try:
            shutil.rmtree(target, ignore_errors=True)
            fresh.rename(target)
        except OSError:
            if not holds(str(target), serving):
                raise


def holds(uri: str, serving: Serving) -> bool:
    """Says whether the model at a URI is the one that serves, file for file."""
    export = Path(serving_model_path(uri))
    files = serving.manifest.files if serving.manifest else None
    return export.is_dir() and digests(export) == files
