"""Builds the pipeline that Kubeflow Pipelines schedules, from the TFX pipeline itself.

KFP schedules and TFX runs: each task is a container with ``pipeline.node_runner`` for
one node. A node that is added to the definition appears here by itself.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kfp import compiler, dsl, kubernetes

from components.errors import UsageError
from pipeline.config import Config
from pipeline.kubeflow_settings import KubeflowSettings

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

# Node id to the ids of the nodes that end before it starts.
Graph = dict[str, tuple[str, ...]]

REPORT_TASK = "write-report"
VERDICT_TASK = "verdict"
_PASSWORD_KEY = "password"


def read_graph(pipeline: "Pipeline") -> Graph:
    """Returns the nodes of a TFX pipeline and the fewest edges that order them.

    An edge that follows from others is left out: the Pusher reads the model of the
    Trainer, and waits for the Evaluator, which waits for the Trainer.

    Args:
      pipeline: from ``create_pipeline``; each node comes after those it reads from.
    """
    direct = {
        node.id: {upstream.id for upstream in node.upstream_nodes}
        for node in pipeline.components
    }
    before: dict[str, set[str]] = {}
    for node, upstream in direct.items():
        before[node] = upstream.union(*(before[other] for other in upstream))
    return {
        node: tuple(
            sorted(
                one
                for one in upstream
                if not any(one in before[other] for other in upstream)
            )
        )
        for node, upstream in direct.items()
    }


def compile_pipeline(
    graph: Graph, config: Config, overrides: list[str], file: Path
) -> None:
    """Writes the pipeline as YAML of KFP's specification 2.1.0.

    The same arguments give the same file.

    Args:
      graph: from ``read_graph``.
      config: names the pipeline and the preset; ``config.kubeflow`` is compiled in.
      overrides: ``KEY=VALUE`` of the other settings; a parameter's default.
      file: ends in ``.yaml``.

    Raises:
      UsageError: resources are given for a node that there is not.
    """
    unknown = sorted(set(config.kubeflow.nodes) - set(graph))
    if unknown:
        raise UsageError(
            f"Expected kubeflow.nodes to name some of {', '.join(graph)}. "
            f"Received: {', '.join(unknown)}."
        )
    compiler.Compiler().compile(
        build_pipeline(graph, config, overrides), package_path=str(file)
    )


def build_pipeline(graph: Graph, config: Config, overrides: list[str]) -> Any:
    """Returns the KFP pipeline: a task a node, and one at the end whatever happens.

    Args:
      graph: from ``read_graph``.
      config: names the pipeline and the preset.
      overrides: ``KEY=VALUE`` of the other settings.
    """
    settings = config.kubeflow
    end_run = _end_pipeline(settings)

    @dsl.pipeline(
        name=config.pipeline,
        description="From TFRecords to a validated, pushed model, with TFX.",
    )
    def kubeflow_pipeline(
        preset: str = config.preset,
        data: str = settings.data,
        overrides: list = overrides,
    ) -> None:
        run = {
            "run_id": dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            "preset": preset,
            "data": data,
            "overrides": overrides,
        }
        last = end_run(**run)
        # TFX caches by content; KFP would by the arguments of the container.
        last.set_caching_options(False)
        with dsl.ExitHandler(last, name="nodes"):
            tasks: dict[str, dsl.PipelineTask] = {}
            for node, upstream in graph.items():
                module, args = "pipeline.node_runner", ("--node", node)
                component = _component(task_name(node), settings, module, *args)
                tasks[node] = component(**run)
                tasks[node].after(*(tasks[other] for other in upstream))
                _prepare(tasks[node], node, settings)
                _try_again(tasks[node], settings)

    return kubeflow_pipeline


def task_name(node_id: str) -> str:
    """Returns the name of a node's task: ``StatisticsGen`` is ``statistics-gen``.

    KFP makes a name that Argo accepts of whatever it is given, in ways of its own;
    this one is readable and survives that unchanged.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", node_id)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def _component(
    task: str, settings: KubeflowSettings, module: str, *args: str
) -> Callable[..., Any]:
    """Returns what runs one of our modules for a run, as a task of that name."""

    def run_module(
        run_id: str, preset: str, data: str, overrides: list
    ) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=settings.image,
            command=["python", "-m", module],
            args=[*args, *_run_args(settings, run_id, preset, data, overrides)],
        )

    # KFP names the component and its task after the function.
    run_module.__name__ = task.replace("-", "_")
    return dsl.container_component(run_module)


def _end_pipeline(settings: KubeflowSettings) -> Any:
    """Returns what runs at the end: the report, then the verdict.

    Two tasks, because KFP's launcher uploads what a task wrote only where the task
    succeeds: the first does, and the second fails where the run did.
    """

    @dsl.pipeline(name="end-run")
    def end_run(run_id: str, preset: str, data: str, overrides: list) -> None:
        run = {
            "run_id": run_id,
            "preset": preset,
            "data": data,
            "overrides": overrides,
        }
        report = _report_component(settings)(**run)
        _prepare(report, REPORT_TASK, settings)
        _try_again(report, settings)
        verdict = _component(VERDICT_TASK, settings, "pipeline.cluster.verdict")
        _prepare(verdict(**run).after(report), VERDICT_TASK, settings)

    return end_run


def _report_component(settings: KubeflowSettings) -> Callable[..., Any]:
    def write_report(
        run_id: str,
        preset: str,
        data: str,
        overrides: list,
        report: dsl.Output[dsl.HTML],
        metrics: dsl.Output[dsl.Metrics],
    ) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=settings.image,
            command=["python", "-m", "pipeline.cluster.exit_handler"],
            args=[
                *_run_args(settings, run_id, preset, data, overrides),
                *("--html", report.path),
                *("--metrics", metrics.path),
                *("--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER),
            ],
        )

    return dsl.container_component(write_report)


def _run_args(
    settings: KubeflowSettings, run_id: Any, preset: Any, data: Any, overrides: Any
) -> list[Any]:
    return [
        *("--run-id", run_id),
        *("--preset", preset),
        *("--data", data),
        *("--overrides", overrides),
        *("--workspace", settings.workspace),
    ]


def _prepare(task: dsl.PipelineTask, node_id: str, settings: KubeflowSettings) -> None:
    """Gives a task its resources, its volume and the way to the metadata."""
    resources = settings.resources_of(node_id)
    task.set_display_name(node_id)
    task.set_caching_options(False)
    task.set_cpu_request(resources.cpu_request).set_cpu_limit(resources.cpu_limit)
    task.set_memory_request(resources.memory_request)
    task.set_memory_limit(resources.memory_limit)
    for name, value in _environment(settings).items():
        task.set_env_variable(name, value)
    kubernetes.mount_pvc(task, settings.volume_claim, settings.workspace)
    kubernetes.use_secret_as_volume(task, settings.secret, settings.secret_path)


def _try_again(task: dsl.PipelineTask, settings: KubeflowSettings) -> None:
    """Has a task that fails or is killed tried again, each time a little later."""
    task.set_retry(settings.retries, backoff_duration="30s", backoff_factor=2.0)


def _environment(settings: KubeflowSettings) -> Mapping[str, str]:
    """Returns what ``metadata.store`` reads; the password stays in its file."""
    ssl = {
        "MLMD_SSLMODE": settings.metadata_sslmode,
        "MLMD_SSLROOTCERT": settings.metadata_sslrootcert,
        "MLMD_SSLCERT": settings.metadata_sslcert,
        "MLMD_SSLKEY": settings.metadata_sslkey,
    }
    return {
        "MLMD_HOST": settings.metadata_host,
        "MLMD_PORT": str(settings.metadata_port),
        "MLMD_DATABASE": settings.metadata_database,
        "MLMD_USER": settings.metadata_user,
        "MLMD_PASSWORD_FILE": f"{settings.secret_path}/{_PASSWORD_KEY}",
        **{name: value for name, value in ssl.items() if value is not None},
    }
