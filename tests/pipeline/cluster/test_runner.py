"""The compiled Kubeflow pipeline: the TFX graph, task by task, and no secret."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from components.checkout import PROJECT_ROOT
from components.errors import UsageError
from pipeline.cluster.runner import compile_pipeline, read_graph, task_name
from pipeline.config import load_config
from pipeline.definition import create_pipeline
from pipeline.digests import NO_DIGESTS

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden" / "kubeflow.yaml"
UPDATE = "UPDATE_GOLDEN"
# What kfp 2.17 writes beside what kfp 2.5 does, and servers of both read.
NEWER = {
    "resourceCpuLimit",
    "resourceCpuRequest",
    "resourceMemoryLimit",
    "resourceMemoryRequest",
    "pvcNameParameter",
    "secretNameParameter",
    "optional",
    "sdkVersion",
}
ROOT_GROUP = "comp-exit-handler-1"
END_GROUP = "comp-end-run"
END_TASKS = ("write-report", "verdict")
# What kfp 2.5 adds to the end of the run, and 2.17 does not.
OLDER = ("outputDefinitions", "outputs")

Document = dict[str, Any]


@pytest.fixture(scope="module")
def graph() -> dict[str, tuple[str, ...]]:
    return read_graph(create_pipeline(load_config(), NO_DIGESTS))


@pytest.fixture(scope="module")
def compiled(graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("compiled") / "mnist.yaml"
    compile_pipeline(graph, load_config("quick"), ["train.epochs=3"], file)
    return file


@pytest.fixture(scope="module")
def spec(compiled: Path) -> Document:
    return documents(compiled)[0]


@pytest.fixture(scope="module")
def platform(compiled: Path) -> Document:
    return documents(compiled)[1]["platforms"]["kubernetes"]["deploymentSpec"]


def documents(file: Path) -> list[Document]:
    return list(yaml.safe_load_all(file.read_text()))


def tasks(spec: Document) -> Document:
    return spec["components"][ROOT_GROUP]["dag"]["tasks"]


def end_tasks(spec: Document) -> Document:
    return spec["components"][END_GROUP]["dag"]["tasks"]


def containers(spec: Document) -> dict[str, Document]:
    executors = spec["deploymentSpec"]["executors"]
    return {
        name.removeprefix("exec-"): one["container"] for name, one in executors.items()
    }


def upstream(graph: dict[str, Any], node: str) -> set[str]:
    """All nodes that end before a node starts."""
    direct = set(graph[node])
    return direct.union(*(upstream(graph, other) for other in direct))


def without_newer(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_newer(v) for k, v in value.items() if k not in NEWER}
    if isinstance(value, list):
        return [without_newer(item) for item in value]
    return value


def test_kfps_own_messages_can_hold_it(compiled: Path) -> None:
    first, second = documents(compiled)
    spec = json_format.ParseDict(first, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(second, pipeline_spec_pb2.PlatformSpec())

    assert spec.schema_version == "2.1.0"
    assert spec.pipeline_info.name == "mnist"


def test_every_executor_is_a_container(spec: Document) -> None:
    executors = spec["deploymentSpec"]["executors"]

    assert [list(one) for one in executors.values()] == [["container"]] * len(executors)


def test_the_tasks_are_the_nodes(graph, spec: Document) -> None:
    assert {name: task["taskInfo"]["name"] for name, task in tasks(spec).items()} == {
        task_name(node): node for node in graph
    }
    assert [
        container["args"][:2]
        for name, container in sorted(containers(spec).items())
        if name not in END_TASKS
    ] == [["--node", node] for node in sorted(graph, key=task_name)]


def test_the_edges_order_the_tasks_as_tfx_does(graph, spec: Document) -> None:
    direct = {
        node.id: {other.id for other in node.upstream_nodes}
        for node in create_pipeline(load_config(), NO_DIGESTS).components
    }
    edges = {
        name: set(task.get("dependentTasks", [])) for name, task in tasks(spec).items()
    }

    assert {name: upstream(edges, name) for name in edges} == {
        task_name(node): {task_name(other) for other in upstream(direct, node)}
        for node in direct
    }


def test_no_edge_follows_from_others(graph) -> None:
    assert graph["Pusher"] == ("ModelAudit",)
    assert graph["ExampleGen"] == graph["SchemaGen"] == ()
    for node, direct in graph.items():
        for one in direct:
            assert not any(one in upstream(graph, other) for other in direct), node


def test_independent_nodes_run_at_the_same_time(graph) -> None:
    for one, other in (
        ("ExampleGen", "SchemaGen"),
        ("ExampleValidator", "PreviousDataResolver"),
        ("BaselineResolver", "ServingCheck"),
    ):
        assert one not in upstream(graph, other)
        assert other not in upstream(graph, one)


def test_a_node_of_the_definition_appears_by_itself(tmp_path: Path) -> None:
    config = load_config(overrides=["warm_start=true"])
    graph = read_graph(create_pipeline(config, NO_DIGESTS))
    [added] = set(graph) - set(read_graph(create_pipeline(load_config(), NO_DIGESTS)))
    compile_pipeline(graph, config, [], tmp_path / "p.yaml")

    assert task_name(added) in tasks(documents(tmp_path / "p.yaml")[0])
    assert added in upstream(graph, "Trainer")


def test_the_end_comes_whatever_happened(spec: Document) -> None:
    last = spec["root"]["dag"]["tasks"]["end-run"]

    assert last["dependentTasks"] == ["exit-handler-1"]
    assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def test_the_end_is_the_report_and_then_the_verdict(spec: Document) -> None:
    end = end_tasks(spec)

    assert {name: task.get("dependentTasks", []) for name, task in end.items()} == {
        "write-report": [],
        "verdict": ["write-report"],
    }
    # What it says does not change when it is asked again.
    assert "retryPolicy" not in end["verdict"]
    assert containers(spec)["verdict"]["command"][-1] == "pipeline.cluster.verdict"
    assert spec["components"]["comp-write-report"]["outputDefinitions"] == {
        "artifacts": {
            "metrics": {
                "artifactType": {
                    "schemaTitle": "system.Metrics",
                    "schemaVersion": "0.0.1",
                }
            },
            "report": {
                "artifactType": {
                    "schemaTitle": "system.HTML",
                    "schemaVersion": "0.0.1",
                }
            },
        }
    }


def test_parameters_have_the_defaults_given(spec: Document) -> None:
    parameters = spec["root"]["inputDefinitions"]["parameters"]

    assert {name: one["defaultValue"] for name, one in parameters.items()} == {
        "preset": "quick",
        "data": "data/mnist",
        "overrides": ["train.epochs=3"],
    }


def test_every_task_belongs_to_the_run_of_kfp(spec: Document) -> None:
    end = spec["root"]["dag"]["tasks"]["end-run"]
    for task in (*tasks(spec).values(), end):
        run_id = task["inputs"]["parameters"]["run_id"]
        assert run_id == {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}
    for task in end_tasks(spec).values():
        run_id = task["inputs"]["parameters"]["run_id"]
        assert run_id == {"componentInputParameter": "run_id"}


def test_kfp_caches_nothing_and_tries_again(spec: Document) -> None:
    end = end_tasks(spec)
    assert end["verdict"]["cachingOptions"] == {}
    for task in (*tasks(spec).values(), end["write-report"]):
        assert task["cachingOptions"] == {}
        assert task["retryPolicy"] == {
            "maxRetryCount": 2,
            "backoffDuration": "30s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": "3600s",
        }


def test_every_task_gets_the_volume_and_the_secret(
    spec: Document, platform: Document
) -> None:
    assert set(platform["executors"]) == {f"exec-{name}" for name in containers(spec)}
    for one in platform["executors"].values():
        assert without_newer(one) == {
            "pvcMount": [{"constant": "mnist-workspace", "mountPath": "/workspace"}],
            "secretAsVolume": [
                {
                    "mountPath": "/var/run/secrets/mnist-metadata",
                    "secretName": "mnist-metadata",
                }
            ],
        }


def test_the_password_is_a_file_alone(spec: Document, compiled: Path) -> None:
    for container in containers(spec).values():
        environment = {one["name"]: one["value"] for one in container["env"]}
        assert environment == {
            "MLMD_HOST": "mnist-metadata",
            "MLMD_PORT": "5432",
            "MLMD_DATABASE": "mnist",
            "MLMD_USER": "mnist",
            "MLMD_PASSWORD_FILE": "/var/run/secrets/mnist-metadata/password",
        }
    assert "MLMD_PASSWORD:" not in compiled.read_text()


def test_tls_options_reach_every_task(graph, tmp_path: Path) -> None:
    config = load_config(
        overrides=[
            "kubeflow.metadata_sslmode=verify-full",
            "kubeflow.metadata_sslrootcert=/var/run/secrets/mnist-metadata/ca.crt",
        ]
    )
    compile_pipeline(graph, config, [], tmp_path / "p.yaml")

    for container in containers(documents(tmp_path / "p.yaml")[0]).values():
        environment = {one["name"]: one["value"] for one in container["env"]}
        assert environment["MLMD_SSLMODE"] == "verify-full"
        assert environment["MLMD_SSLROOTCERT"] == (
            "/var/run/secrets/mnist-metadata/ca.crt"
        )
        assert "MLMD_SSLCERT" not in environment


def test_resources_come_from_the_configuration(graph, tmp_path: Path) -> None:
    config = load_config(
        overrides=[
            'kubeflow.resources.cpu_request="250m"',
            'kubeflow.nodes.Trainer.cpu_limit="8"',
            "kubeflow.image=registry.example/mnist:1",
        ]
    )
    compile_pipeline(graph, config, [], tmp_path / "p.yaml")
    found = containers(documents(tmp_path / "p.yaml")[0])

    assert {one["image"] for one in found.values()} == {"registry.example/mnist:1"}
    assert found["trainer"]["resources"]["cpuLimit"] == 8
    assert found["trainer"]["resources"]["cpuRequest"] == 0.5
    assert found["evaluator"]["resources"]["cpuLimit"] == 2
    assert found["evaluator"]["resources"]["cpuRequest"] == 0.25


def test_resources_of_an_unknown_node_are_refused(graph, tmp_path: Path) -> None:
    config = load_config(overrides=['kubeflow.nodes.Trainr.cpu_limit="8"'])

    with pytest.raises(UsageError, match=r"Expected kubeflow\.nodes to .*: Trainr\."):
        compile_pipeline(graph, config, [], tmp_path / "p.yaml")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("kubeflow.nodes.Trainer.memory=8", "Unknown configuration key kubeflow.nodes"),
        ("kubeflow.nodes.Trainer.memory_limit=8GB", "Expected kubeflow.nodes."),
        ("kubeflow.secret=My_Secret", "Expected kubeflow.secret"),
        ("kubeflow.workspace=relative", "Expected kubeflow.workspace"),
    ],
)
def test_settings_are_checked(override: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(overrides=[override])

    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("StatisticsGen", "statistics-gen"),
        ("Trainer", "trainer"),
        ("Train-2", "train-2"),
        ("PreviousDataResolver", "previous-data-resolver"),
    ],
)
def test_task_names_can_be_read(node: str, name: str) -> None:
    assert task_name(node) == name


def test_another_process_compiles_the_same(
    graph, compiled: Path, tmp_path: Path
) -> None:
    file = tmp_path / "again.yaml"
    code = (
        "from pathlib import Path\n"
        "from pipeline.config import load_config\n"
        "from pipeline.cluster.runner import compile_pipeline\n"
        f"compile_pipeline({graph!r}, load_config('quick'), ['train.epochs=3'], "
        f"Path({str(file)!r}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    assert file.read_text() == compiled.read_text()


def test_review_sees_what_changed(compiled: Path) -> None:
    """The golden file is the pipeline without what only one of the kfps writes."""
    found = without_newer(documents(compiled))
    end = found[0]["components"][END_GROUP]
    for one in (end, end["dag"]):
        for key in OLDER:
            one.pop(key, None)
    if os.environ.get(UPDATE):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(yaml.safe_dump_all(found))

    assert documents(GOLDEN) == found, f"{UPDATE}=1 writes {GOLDEN} again"
