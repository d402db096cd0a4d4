"""One node of one run, from finding its store to writing down how it ended.

``node_runner`` calls ``run_node_of`` in a process of its own; the nodes of a run share
a workspace and a metadata store.
"""

import functools
import logging
import time

import attrs
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.proto.orchestration import pipeline_pb2

from components.checks import Check, refusal_text
from components.classes import read_class_names
from components.durable import explain_full_disk
from components.errors import PipelineError, UsageError
from components.gates import BLESSING_GATES, EXIT_CODES, REFUSAL_CODES
from components.image_spec import read_image_spec
from pipeline.cluster.container import attempts_of, open_store
from pipeline.cluster.input_digests import task_digests
from pipeline.config import Config
from pipeline.definition import create_pipeline
from pipeline.environment.stop_signals import StopRequested, finish_undisturbed
from pipeline.local_runner import NodeResult, State, compile_run, run_node, stopped
from pipeline.metadata.handle import open_metadata
from pipeline.metadata.lineage import RunLineage, run_executions
from pipeline.reporting.text import cause
from pipeline.run.interrupted import UNFINISHED, clear_execution
from pipeline.run.node_attempts import NodeAttempt
from pipeline.run.outcome import read_all_checks, read_metrics, status
from pipeline.run.pipeline_run import explain_failure

_ENDED: dict[int, State] = {
    mlmd.Execution.COMPLETE: "done",
    mlmd.Execution.CACHED: "cached",
}
_log = logging.getLogger(__name__)


@attrs.frozen
class Node:
    """One node of one run.

    Attributes:
      config: of the run.
      run_id: names the run.
      compiled: the whole pipeline, for this run.
      spec: this node in it.
      connection: to the metadata store.
    """

    config: Config
    run_id: str
    compiled: pipeline_pb2.Pipeline
    spec: pipeline_pb2.PipelineNode
    connection: mlmd.ConnectionConfig

    @property
    def id(self) -> str:
        """The node's id."""
        return self.spec.node_info.id


def run_node_of(config: Config, node_id: str, run_id: str) -> NodeAttempt:
    """Runs one node of one run, whose nodes before it have ended.

    Args:
      config: of the run.
      node_id: names the node.
      run_id: names the run.

    Returns:
      How it ended; ``code`` is what the process returns.

    Raises:
      PipelineError: it could not even start.
    """
    purpose = f"node {node_id} of run {run_id}"
    with (
        explain_full_disk(config.workspace),
        open_store(config, purpose) as connection,
    ):
        digests = task_digests(config, node_id, attempts_of(config, run_id))
        compiled = compile_run(create_pipeline(config, digests, connection), run_id)
        spec = find_node(compiled, node_id)
        return run_once(Node(config, run_id, compiled, spec, connection))


def find_node(
    compiled: pipeline_pb2.Pipeline, node_id: str
) -> pipeline_pb2.PipelineNode:
    """Returns a node of a compiled pipeline.

    Raises:
      UsageError: there is no such node.
    """
    nodes = {n.pipeline_node.node_info.id: n.pipeline_node for n in compiled.nodes}
    if node_id not in nodes:
        raise UsageError(
            f"Expected --node to be one of {', '.join(nodes)}. Received: {node_id}. "
            "Where a cluster asks for it, compile the pipeline again with the settings "
            "that it runs with."
        )
    return nodes[node_id]


def run_once(node: Node) -> NodeAttempt:
    """Runs a node unless it ended already, and writes down how it ended.

    A refusal stands: what a gate looked at is the same for every attempt of a run.

    Returns:
      This attempt, or the earlier one that stands.
    """
    attempts = attempts_of(node.config, node.run_id)
    earlier = attempts.read(node.id)
    if earlier and earlier.code in REFUSAL_CODES:
        _log.info("%s refused in an earlier attempt, which stands", node.id)
        return earlier
    running = NodeAttempt(node.id, "running")
    attempts.write(running)
    _log.info("%s starts, run %s", node.id, node.run_id)
    attempt = _try_node(node, running, earlier)
    finish_undisturbed()
    attempts.write(attempt)
    _log.info("%s %s, %.1f s", node.id, attempt.state, attempt.seconds)
    return attempt


def _try_node(
    node: Node, running: NodeAttempt, earlier: NodeAttempt | None
) -> NodeAttempt:
    try:
        with open_metadata(node.connection) as handle:
            executions = run_executions(handle.store, node.run_id)
            ended = _ended(executions)
            for owner, execution in executions:
                if owner == node.id and execution.last_known_state in UNFINISHED:
                    clear_execution(handle.store, execution, node.config)
                    _log.info("an earlier attempt was interrupted; its rest is cleared")
        if node.id in ended:
            _log.info("%s ended in an earlier attempt", node.id)
            seconds = earlier.seconds if earlier else 0.0
            result = NodeResult(node.id, ended[node.id], seconds)
        else:
            _require_upstream(node, ended)
            explain = functools.partial(explain_failure, node.config)
            result = run_node(node.compiled, node.spec, explain)
        return _ended_attempt(node, running, result)
    except PipelineError as error:
        message, code = str(error), error.exit_code
    except StopRequested:
        finish_undisturbed()
        message, code = str(stopped(node.id)), PipelineError.exit_code
    except Exception as error:
        _log.exception("%s failed outside its own work", node.id)
        message, code = cause(error), PipelineError.exit_code
    seconds = time.time() - running.started
    return attrs.evolve(
        running, state="failed", seconds=seconds, message=message, code=code
    )


def _ended(executions: list[tuple[str, mlmd.Execution]]) -> dict[str, State]:
    """Returns the nodes that ended well in this run, and how."""
    return {
        node_id: _ENDED[execution.last_known_state]
        for node_id, execution in executions
        if execution.last_known_state in _ENDED
    }


def _require_upstream(node: Node, ended: dict[str, State]) -> None:
    """Refuses to run where TFX would take a missing optional input for none at all."""
    missing = sorted(set(node.spec.upstream_nodes) - set(ended))
    if missing:
        raise PipelineError(
            f"Expected {', '.join(missing)} to have ended well before {node.id} in run "
            f"{node.run_id}. Received: no such execution in the metadata store. Run "
            "them first; where a cluster orders the nodes, compile the pipeline again "
            "with the settings that it runs with."
        )


def _ended_attempt(node: Node, running: NodeAttempt, result: NodeResult) -> NodeAttempt:
    """Returns an attempt that came to its end."""
    attempt = attrs.evolve(running, state=result.state, seconds=result.seconds)
    if result.error is not None:
        code = getattr(result.error, "exit_code", PipelineError.exit_code)
        checks = getattr(result.error, "checks", ())
        message = cause(result.error)
        return attrs.evolve(attempt, code=code, message=message, checks=checks)
    if refusal := _refusal(node, RunLineage(node.connection, node.run_id)):
        outcome, checks = refusal
        message = refusal_text(checks) or f"The outcome of the run: {outcome}."
        return attrs.evolve(
            attempt, code=EXIT_CODES[outcome], message=message, checks=tuple(checks)
        )
    return attempt


def _refusal(node: Node, lineage: RunLineage) -> tuple[str, list[Check]] | None:
    """Returns the outcome and the checks where the node refused the model."""
    if node.id == "Pusher":
        outcome = status([], lineage)
        return None if outcome == "pushed" else (outcome, [])
    gate = next((gate for gate in BLESSING_GATES if gate.node == node.id), None)
    if gate is None:
        return None
    blessing = lineage.output(gate.node, gate.output)
    if blessing is not None and blessing.properties.get("blessed") == 1:
        return None
    spec = read_image_spec(node.config.schema)
    metrics = read_metrics(lineage, spec.classes)
    classes = read_class_names(node.config.data, spec.classes)
    checks = read_all_checks(node.config, [], lineage, metrics, classes)
    return gate.status, [check for check in checks if check.gate == gate.id]
