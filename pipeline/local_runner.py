"""Runs the pipeline on this machine, node after node, in this process.

``mnist-pipeline run`` calls ``run_nodes``. Executed as a script, which is what
``tfx run create --engine local`` does, it runs the default configuration with
TFX's own ``LocalDagRunner``.
"""

import contextlib
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

# As a script, it finds our packages whatever PYTHONPATH names; and Keras, which TFX
# imports, must find the environment that ``components`` leaves.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import components  # noqa: F401, I001

import attrs
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.orchestration.local import runner_utils
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable.launcher import Launcher
from tfx.orchestration.portable.runtime_parameter_utils import (
    substitute_runtime_parameter,
)
from tfx.proto.orchestration import pipeline_pb2

from components.artifact_files import note_files
from components.errors import PipelineError
from pipeline.config import load_config
from pipeline.definition import NODE_CODE, create_pipeline
from pipeline.digests import read_digests
from pipeline.metadata.file import check_metadata
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.movable_cache import movable_cache
from pipeline.environment.stop_signals import (
    CTRL_C,
    StopRequested,
    finish_undisturbed,
    stop_received,
)
from pipeline.workspace.identity import settle_workspace
from pipeline.workspace.lock import workspace_lock

State = Literal["done", "cached", "failed", "not run"]
_log = logging.getLogger(__name__)


@attrs.frozen
class NodeResult:
    """How a node ended.

    Attributes:
      id: the node's id.
      state: ``cached`` when an earlier result was used.
      seconds: wall time.
      error: what stopped it, if anything did.
    """

    id: str
    state: State
    seconds: float = 0.0
    error: Exception | None = None


Explain = Callable[[str, Exception], Exception]


def run_nodes(
    pipeline: Pipeline,
    run_id: str,
    on_start: Callable[[str], None],
    on_end: Callable[[NodeResult], None],
    explain: Explain = lambda node_id, error: error,
) -> list[NodeResult]:
    """Runs every node in order, until one fails or a signal asks to stop.

    Args:
      pipeline: from ``create_pipeline``.
      run_id: names the run in the metadata store.
      on_start: called with the id of a node that starts.
      on_end: called with the result of a node that ended or will not run.
      explain: turns the error of a node into one that a person understands.

    Returns:
      A result for each node, in order.
    """
    compiled = compile_run(pipeline, run_id)
    results: list[NodeResult] = []
    failed = False
    for node in compiled.nodes:
        node_id = node.pipeline_node.node_info.id
        if failed:
            result = NodeResult(node_id, "not run")
        else:
            result = _start_and_run(compiled, node.pipeline_node, on_start, explain)
            failed = result.state == "failed"
        results.append(result)
        # A request to stop that comes here is for the next node.
        with contextlib.suppress(StopRequested):
            on_end(result)
    return results


def _start_and_run(
    compiled: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    on_start: Callable[[str], None],
    explain: Explain,
) -> NodeResult:
    with contextlib.suppress(StopRequested):
        if not stop_received():
            on_start(node.node_info.id)
            return run_node(compiled, node, explain)
    finish_undisturbed()
    return NodeResult(node.node_info.id, "failed", 0.0, stopped(node.node_info.id))


def compile_run(pipeline: Pipeline, run_id: str) -> pipeline_pb2.Pipeline:
    """Compiles a pipeline for one run of it.

    Args:
      pipeline: from ``create_pipeline``.
      run_id: names the run in the metadata store.
    """
    compiled = Compiler().compile(pipeline)
    substitute_runtime_parameter(compiled, {PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    return compiled


def run_node(
    compiled: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    explain: Explain,
) -> NodeResult:
    """Runs one node with TFX's portable launcher; those before it have ended.

    An error or a request to stop in it is its result and is not raised.

    Args:
      compiled: from ``compile_run``.
      node: one of its nodes.
      explain: turns its error into one that a person understands.
    """
    node_id = node.node_info.id
    started = time.monotonic()
    try:
        state = _launch(compiled, node)
    except KeyboardInterrupt:
        # The run ends here, but with its report, as after any other failure.
        finish_undisturbed()
        _log.exception("node %s was interrupted", node_id)
        stop = stopped(node_id)
        return NodeResult(node_id, "failed", time.monotonic() - started, stop)
    except Exception as error:
        _log.exception("node %s failed", node_id)
        # Libraries turn the request into errors of their own.
        cause = stopped(node_id) if stop_received() else explain(node_id, error)
        return NodeResult(node_id, "failed", time.monotonic() - started, cause)
    return NodeResult(node_id, state, time.monotonic() - started)


def stopped(node_id: str) -> PipelineError:
    """Returns what to tell a person whose run was asked to stop in a node."""
    return PipelineError(
        f"Expected {node_id} to end. Received: {stop_received() or CTRL_C}. Run "
        "again: what ended is cached, and a training goes on after its last whole "
        "epoch."
    )


def _launch(compiled: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode) -> State:
    deployment = runner_utils.extract_local_deployment_config(compiled)
    store = deployment.metadata_connection_config
    connection = getattr(store, store.WhichOneof("connection_config"))
    outputs = {
        key: spec.artifact_spec.type.name for key, spec in node.outputs.outputs.items()
    }
    launcher = Launcher(
        pipeline_node=node,
        mlmd_connection=open_metadata(connection, outputs),
        pipeline_info=compiled.pipeline_info,
        pipeline_runtime_spec=compiled.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node.node_info.id),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(
            deployment, node.node_info.id
        ),
    )
    with movable_cache(_workspace(compiled)):
        execution = launcher.launch()
    with open_metadata(connection) as handle:
        [stored] = handle.store.get_executions_by_id([execution.execution_id])
    if (state := _state(stored)) == "done":
        for artifacts in execution.output_dict.values():
            for artifact in artifacts:
                note_files(artifact.uri)
    return state


def _workspace(compiled: pipeline_pb2.Pipeline) -> Path:
    root = compiled.runtime_spec.pipeline_root.field_value.string_value
    return Path(root).parent


def _state(execution: metadata_store_pb2.Execution) -> State:
    """Reads how an execution ended; the launcher fails some without raising."""
    states = metadata_store_pb2.Execution
    if execution.last_known_state == states.CACHED:
        return "cached"
    if execution.last_known_state == states.COMPLETE:
        return "done"
    raise RuntimeError(
        f"Expected the node to complete. Its execution {execution.id} ended as "
        f"{states.State.Name(execution.last_known_state)}; an input may be missing."
    )


if __name__ == "__main__":
    _config = load_config()
    with workspace_lock(_config.workspace, "a run of TFX's own CLI"):
        check_metadata(_config.metadata)
        settle_workspace(_config)
        with movable_cache(_config.workspace):
            _digests = read_digests(_config, NODE_CODE)
            LocalDagRunner().run(create_pipeline(_config, _digests))
