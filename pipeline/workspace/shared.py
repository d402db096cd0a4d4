"""Which workspace a pipeline has its artifacts in, where its metadata is a database.

Many containers share both; ``container`` asks before any of them writes. Nothing is
rewritten here as for a workspace with a SQLite file, since others may be at work.
"""

from ml_metadata.errors import AlreadyExistsError, NotFoundError
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.errors import PipelineError
from pipeline.config import Config
from pipeline.workspace.identity import (
    known_ids,
    new_id,
    same_folder,
    write_ids,
)

_TYPE = "workspace_of_pipeline"
_ID, _PLACE = "workspace_id", "workspace"


def claim_workspace(config: Config, store: MetadataStore) -> None:
    """Sees that a pipeline's metadata and artifacts belong together.

    The first run ties them; the database decides where two start at once.

    Args:
      config: names the pipeline and the workspace.
      store: the metadata store.

    Raises:
      PipelineError: the metadata is that of another workspace, or this one is mounted
        elsewhere than before.
    """
    known = known_ids(config.artifacts)
    claim = _read(config, store) or _put(config, store, known)
    own, place = (claim.custom_properties[name].string_value for name in (_ID, _PLACE))
    if known and own not in known:
        raise PipelineError(
            f"Expected the workspace of pipeline {config.pipeline} in "
            f"{config.workspace}. Received: another one; that of the metadata was at "
            f"{place}. Mount that, or give this workspace a database of its own."
        )
    if not same_folder(place, config.workspace):
        raise PipelineError(
            f"Expected the workspace of pipeline {config.pipeline} at {place}, where "
            f"its metadata says that all files are. Received: {config.workspace}. "
            "Mount it there, give this workspace a database of its own, or name the "
            "pipeline otherwise."
        )
    if not known:
        write_ids(config.artifacts, own)


def _read(config: Config, store: MetadataStore) -> mlmd.Context | None:
    try:
        return store.get_context_by_type_and_name(_TYPE, config.pipeline)
    except NotFoundError:
        return None


def _put(config: Config, store: MetadataStore, known: list[str]) -> mlmd.Context:
    """Ties them, unless another process just did; returns what holds then."""
    kind = store.put_context_type(mlmd.ContextType(name=_TYPE))
    claim = mlmd.Context(type_id=kind, name=config.pipeline)
    claim.custom_properties[_ID].string_value = next(iter(known), new_id())
    claim.custom_properties[_PLACE].string_value = str(config.workspace)
    try:
        store.put_contexts([claim])
    except AlreadyExistsError:
        found = _read(config, store)
        return claim if found is None else found
    return claim
