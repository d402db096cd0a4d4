"""Sees to it that the Pusher runs again where its model no longer serves.

TFX asks a driver before it looks into its cache, which knows nothing of the folder
that models are served from.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_driver import BaseDriver as ComponentDriver
from tfx.orchestration.portable.base_driver import BaseDriver
from tfx.proto.orchestration.driver_output_pb2 import DriverOutput
from tfx.types import Artifact
from tfx.types.artifact_utils import get_single_instance
from tfx.utils.path_utils import serving_model_path

from components.gates import BLESSING_GATES
from components.publishing.manifest import digests
from components.publishing.pushes import MODEL, REPLACES, Push, pushes
from components.publishing.serving import Serving, find_serving, rolled_back_from
from components.publishing.store import ModelStore

_BLESSINGS = tuple(gate.pusher_input for gate in BLESSING_GATES)
_log = logging.getLogger(__name__)


class Driver(ComponentDriver, BaseDriver):
    """Makes the version that a push takes the place of part of the cache key."""

    def __init__(self, mlmd_connection: Any) -> None:
        ComponentDriver.__init__(self, mlmd_connection)
        BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: Any) -> DriverOutput:
        """Returns the parameter ``replaces``, where a model was pushed before.

        Args:
          execution_info: of the Pusher, with its inputs and parameters.

        Raises:
          PipelineError: the model store cannot be read.
        """
        inputs, output = execution_info.input_dict, DriverOutput()
        if not blessed(inputs):
            return output
        model = get_single_instance(inputs[MODEL])
        with self._mlmd_connection as handle:
            pushed = pushes(handle.store, execution_info.pipeline_info.id)
        store = ModelStore(execution_info.exec_properties["destination"])
        files = digests(Path(serving_model_path(model.uri)))
        if replaced := version_to_replace(store, pushed, model.id, files):
            output.exec_properties[REPLACES].string_value = replaced
        return output


def blessed(inputs: Mapping[str, Sequence[Artifact]]) -> bool:
    """Says whether each blessing that is wired is there and given.

    Args:
      inputs: of the Pusher, by name.
    """
    wired = [inputs[name] for name in _BLESSINGS if name in inputs]
    return all(
        given and all(one.get_int_custom_property("blessed") == 1 for one in given)
        for given in wired
    )


def version_to_replace(
    store: ModelStore, pushed: list[Push], model_id: int, files: dict[str, str]
) -> str:
    """Returns the version of a model that has to be published again, or was.

    Args:
      store: the versions.
      pushed: all that runs published, oldest first.
      model_id: of the ``Model`` artifact.
      files: its files, by ``digests``.

    Returns:
      Where the last version of this model serves, or a rollback took it out of
      service, what that version took the place of when it was published: the cache
      has it then. Otherwise that version. Empty where there is none.
    """
    last = next((push for push in reversed(pushed) if push.model_id == model_id), None)
    if last is None:
        return ""
    serving = find_serving(store)
    if serving is not None and serving.holds(files):
        return last.replaces
    if rolled_back_from(store, serving, pushed) == model_id:
        return last.replaces
    _log.info("publish again: %s", _reason(store, serving, last.version))
    return str(last.version)


def _reason(store: ModelStore, serving: Serving | None, version: int) -> str:
    if serving is None or version not in store.versions():
        return f"version {version} is gone from {store.base}"
    if serving.version != version:
        return f"version {serving.version} serves in place of {version}"
    return f"version {version} is not whole: {serving.problem}"
