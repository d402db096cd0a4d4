"""Pusher: publishes a model that every gate blessed, with a manifest.

In place of TFX's own, which names versions by the second and copies file by file
into the folder that a server reads.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import attrs
from tfx.components.pusher import executor as stock
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import BaseChannel, Channel
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import get_single_instance
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.types.standard_artifacts import (
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
)
from tfx.types.system_executions import Deploy

from components.artifacts import DataVerdict
from components.checkout import current_commit
from components.checks import Check, read_checks
from components.classes import DIGITS
from components.durable import write_text
from components.evaluation.audit_files import MEANING, read_model_audit
from components.evaluation.results import BASELINE, EvaluationMetrics
from components.gate_settings import ModelGateSettings
from components.gates import GATES, MODEL, MODEL_AUDIT
from components.hyperparameters import from_dict
from components.publishing.driver import Driver, blessed
from components.publishing.manifest import MANIFEST_FILE, to_json
from components.publishing.pushes import REPLACES
from components.publishing.serving import version_with
from components.publishing.store import ModelStore

Artifacts = dict[str, list[Artifact]]

_GATE_ARTIFACTS = {
    kind.TYPE_NAME: kind for kind in (DataVerdict, ModelBlessing, InfraBlessing)
}


class Executor(stock.Executor):
    """Publishes through ``ModelStore`` what every gate blessed."""

    def CheckBlessing(self, input_dict: Artifacts) -> bool:  # noqa: N802
        """Asks for the blessing of every gate, where TFX's own asks for two."""
        return blessed(input_dict)

    def Do(  # noqa: N802
        self,
        input_dict: Artifacts,
        output_dict: Artifacts,
        exec_properties: dict[str, Any],
    ) -> None:
        """Publishes the model, or marks that it was not blessed.

        Args:
          input_dict: the inputs of ``PusherSpec``, one artifact each.
          output_dict: ``pushed_model`` gets TFX's custom properties ``pushed``,
            ``pushed_destination``, ``pushed_version``, and the manifest as a file;
            ``replaces`` where the driver named a version.
            What a killed run published is found, not published again; its manifest
            names that run.
          exec_properties: the parameters of ``PusherSpec``.

        Raises:
          PipelineError: the model could not be published; nothing changed.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        store = ModelStore(exec_properties["destination"])
        facts = self._facts(input_dict, exec_properties)
        replaced = exec_properties.get(REPLACES, "")
        # A server that has loaded a number does not look at it again.
        number = store.publish(
            self.GetModelPath(input_dict), facts, above=int(replaced or 0)
        )
        # The model itself is not kept here as well: it is the Trainer's artifact.
        manifest = to_json(store.manifest(number))
        write_text(Path(pushed.uri) / MANIFEST_FILE, manifest)
        self._MarkPushed(pushed, str(store.path(number)), str(number))
        if replaced:
            pushed.set_string_custom_property(REPLACES, replaced)

    def _facts(
        self, input_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Returns what the manifest says of the model, as JSON values."""
        provenance = json.loads(exec_properties["provenance"])
        uri = _uri(input_dict, "evaluation")
        classes = provenance.pop("classes", DIGITS)
        metrics = EvaluationMetrics(uri, len(classes)) if uri else None
        checks: list[Check] = []
        for gate in GATES:
            if gate is MODEL:
                bounds = exec_properties.get("model_gate")
                checks += _model_checks(metrics, bounds, classes)
            elif folder := _uri(input_dict, gate.pusher_input):
                checks += read_checks(folder)
        return {
            "pipeline": self._context.pipeline_info.id,
            "run_id": self._context.pipeline_run_id,
            "commit": current_commit(),
            "classes": classes,
            "rebaseline": provenance.pop("rebaseline", False),
            "digests": provenance,
            "metrics": metrics.as_dict() if metrics else None,
            "baseline": metrics.as_dict(BASELINE) if metrics else None,
            "checks": [attrs.asdict(check) for check in checks],
            "meaning_change": _meaning_change(
                input_dict, checks, exec_properties["destination"]
            ),
            "versions": {
                "python": platform.python_version(),
                "tfx": version("tfx"),
                "tensorflow": version("tensorflow"),
            },
        }


class PusherSpec(ComponentSpec):
    """What the Pusher reads, writes and is told."""

    PARAMETERS: ClassVar = {
        "destination": ExecutionParameter(type=str),
        "provenance": ExecutionParameter(type=str),
        "model_gate": ExecutionParameter(type=str, optional=True),
    }
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=Model),
        "evaluation": ChannelParameter(type=ModelEvaluation, optional=True),
        **{
            gate.pusher_input: ChannelParameter(
                type=_GATE_ARTIFACTS[gate.artifact], optional=gate is not MODEL
            )
            for gate in GATES
        },
    }
    OUTPUTS: ClassVar = {
        "pushed_model": ChannelParameter(type=PushedModel),
    }
    TYPE_ANNOTATION = Deploy


class Pusher(BaseComponent):
    """Pushes a blessed model into a model store.

    Its output ``pushed_model`` says by custom properties whether and where.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        *,
        model: BaseChannel,
        destination: str,
        provenance: Mapping[str, Any],
        evaluation: BaseChannel | None = None,
        model_gate: Mapping[str, Any] | None = None,
        **verdicts: BaseChannel,
    ) -> None:
        """Wires a Pusher.

        Args:
          model: from the Trainer.
          destination: folder of the model store, which gets a folder a version.
          provenance: for the manifest: digests by name (``code``, ``data``,
            ``schema``), ``classes``, the names of the classes, and ``rebaseline``,
            whether this run ignores the baseline.
          evaluation: from the Evaluator; metrics for the manifest.
          model_gate: fields of ``ModelGateSettings``; with ``evaluation`` they give
            the checks of the model gate for the manifest.
          **verdicts: what each gate decided, by its ``pusher_input`` in ``gates``;
            the Evaluator's must be there. Checks in them are for the manifest.
        """
        super().__init__(
            PusherSpec(
                model=model,
                evaluation=evaluation,
                **verdicts,
                pushed_model=Channel(type=PushedModel),
                destination=destination,
                provenance=_to_json(provenance),
                model_gate=None if model_gate is None else _to_json(model_gate),
            )
        )


def _to_json(values: Mapping[str, Any]) -> str:
    # In one order, because parameters are part of the cache key.
    return json.dumps(dict(values), sort_keys=True)


def _uri(input_dict: Artifacts, name: str) -> str | None:
    artifacts = input_dict.get(name)
    return get_single_instance(artifacts).uri if artifacts else None


def _model_checks(
    metrics: EvaluationMetrics | None, settings: str | None, classes: Sequence[str]
) -> list[Check]:
    if metrics is None or settings is None:
        return []
    from components.evaluation.gate import model_checks

    bounds = from_dict(ModelGateSettings, json.loads(settings))
    return model_checks(metrics, bounds, classes)


def _meaning_change(
    input_dict: Artifacts, checks: Sequence[Check], destination: str
) -> dict[str, Any] | None:
    """Returns what ModelAudit found, where that is beyond its bounds, as JSON."""
    audit = _uri(input_dict, MODEL_AUDIT.pusher_input)
    if not audit or all(check.passed for check in checks if check.name == MEANING):
        return None
    found = read_model_audit(audit)[MEANING]
    names = ("candidate", "candidate_before", "previous", "previous_before")
    return {
        "version": version_with(ModelStore(destination), found["compared_with"]),
        **{name: found["overall"][name] for name in names},
        "renamed": {str(one): str(other) for one, other in found["renamed"].items()},
    }
