"""TFX's cache, made independent of where things lie and sure of what it hands out.

TFX keys its cache by absolute paths, so that in a workspace that was moved nothing
would be cached. ``local_runner`` launches nodes within ``metadata.movable_cache``.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfx.orchestration.portable import cache_utils
from tfx.types import Artifact, artifact_utils
from tfx.types.standard_component_specs import INPUT_BASE_KEY, SCHEMA_FILE_KEY

from components.artifact_files import has_files

Artifacts = Mapping[str, Sequence[Artifact]]

# Where a node reads, and when ExampleGen's files were written. What they hold is in
# the key as a digest, which ``definition`` puts there.
_PLACES = (INPUT_BASE_KEY, SCHEMA_FILE_KEY, "input_fingerprint")
_WORKSPACE = "<workspace>"


@contextmanager
def movable_cache(workspace: Path) -> Iterator[None]:
    """Looks up results, within, whatever the place of workspace, data and schema.

    Results whose files are gone, or some of them, are passed over.

    Args:
      workspace: the folder.
    """
    stock_context = cache_utils.get_cache_context
    stock_verify = artifact_utils.verify_artifacts
    place = str(workspace)

    def get_cache_context(
        *,
        input_artifacts: Artifacts | None = None,
        output_artifacts: Artifacts | None = None,
        parameters: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Any:
        return stock_context(
            input_artifacts=_without_places(input_artifacts, place),
            output_artifacts=_without_places(output_artifacts, place),
            parameters={
                name: _without_place(str(value), place)
                for name, value in (parameters or {}).items()
                if name not in _PLACES
            },
            **others,
        )

    def verify_artifacts(artifacts: Any) -> None:
        stock_verify(artifacts)
        if isinstance(artifacts, dict):
            for artifact in (one for many in artifacts.values() for one in many):
                if not has_files(artifact.uri):
                    raise RuntimeError(f"files of {artifact.uri} are gone")

    cache_utils.get_cache_context = get_cache_context
    artifact_utils.verify_artifacts = verify_artifacts
    try:
        yield
    finally:
        cache_utils.get_cache_context = stock_context
        artifact_utils.verify_artifacts = stock_verify


def _without_places(
    artifacts: Artifacts | None, workspace: str
) -> dict[str, list[Artifact]]:
    """Returns copies that are known by their number and properties alone."""
    copies = copy.deepcopy({key: list(many) for key, many in (artifacts or {}).items()})
    for artifact in (one for many in copies.values() for one in many):
        artifact.uri = ""
        properties = artifact.mlmd_artifact.custom_properties
        for value in properties.values():
            if value.WhichOneof("value") == "string_value":
                value.string_value = _without_place(value.string_value, workspace)
        for name in _PLACES:
            properties.pop(name, None)
    return copies


def _without_place(text: str, workspace: str) -> str:
    """Leaves the workspace out of a path, or out of JSON that holds some."""
    escaped = json.dumps(workspace)[1:-1]
    return text.replace(escaped, _WORKSPACE).replace(workspace, _WORKSPACE)
