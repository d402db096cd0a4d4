"""The wiring: nodes, edges, cache keys and settings, without running anything."""

import inspect
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.pipeline import Pipeline

from components.classes import DIGITS
from components.gates import GATES
from components.publishing.baseline import ServingModelStrategy
from pipeline import definition
from pipeline.config import load_config
from pipeline.definition import NODE_CODE, create_pipeline
from pipeline.digests import NO_DIGESTS, Digests, read_digests

Nodes = dict[str, BaseNode]

# What each node reads: the picture of the design, and the examples, schema and
# model that it leaves out.
EDGES = {
    "ExampleGen": set(),
    "SchemaGen": set(),
    "StatisticsGen": {"ExampleGen", "SchemaGen"},
    "ExampleValidator": {"StatisticsGen", "SchemaGen"},
    "PreviousDataResolver": {"StatisticsGen"},
    "PreviousModelResolver": set(),
    "DataAudit": {
        "ExampleGen",
        "StatisticsGen",
        "SchemaGen",
        "PreviousDataResolver",
        "PreviousModelResolver",
    },
    "DataGate": {
        "DataAudit",
        "StatisticsGen",
        "SchemaGen",
        "ExampleValidator",
        "PreviousDataResolver",
    },
    "Transform": {"ExampleGen", "SchemaGen", "DataGate"},
    "Trainer": {"ExampleGen", "SchemaGen", "Transform"},
    "BaselineResolver": {"Trainer"},
    "ServingCheck": {"Trainer"},
    "Evaluator": {
        "ExampleGen",
        "SchemaGen",
        "Trainer",
        "BaselineResolver",
        "ServingCheck",
    },
    "ModelAudit": {
        "ExampleGen",
        "SchemaGen",
        "PreviousModelResolver",
        "Trainer",
        "BaselineResolver",
        "Evaluator",
    },
    "Pusher": {"Trainer", "Evaluator", "ModelAudit", "ServingCheck", "DataGate"},
}


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Pipeline]:
    """Makes the pipeline with overrides, and a workspace that does not exist."""

    def build(*overrides: str, **fields) -> Pipeline:
        fields = {"workspace": tmp_path / "workspace", **fields}
        config = load_config(overrides=overrides, **fields)
        return create_pipeline(config, read_digests(config, NODE_CODE))

    return build


@pytest.fixture
def pipeline(build: Callable[..., Pipeline]) -> Pipeline:
    return build()


@pytest.fixture
def nodes(pipeline: Pipeline) -> Nodes:
    return by_id(pipeline)


def by_id(pipeline: Pipeline) -> Nodes:
    return {node.id: node for node in pipeline.components}


def cache_keys(pipeline: Pipeline) -> dict[str, tuple]:
    """What TFX keys each node's cache by, besides its inputs."""
    return {
        node.id: (
            str(getattr(node.executor_spec, "executor_class", None)),
            "".join(getattr(node.executor_spec, "extra_flags", [])),
            json.dumps(node.exec_properties, default=str),
        )
        for node in pipeline.components
    }


def rerun(before: Pipeline, after: Pipeline) -> set[str]:
    """Which nodes have another cache key of their own."""
    old, new = cache_keys(before), cache_keys(after)
    return {node for node in old if old[node] != new[node]}


def test_the_nodes_read_from_each_other_as_designed(nodes: Nodes) -> None:
    assert {
        name: {upstream.id for upstream in node.upstream_nodes}
        for name, node in nodes.items()
    } == EDGES


def test_every_node_comes_after_what_it_reads(pipeline: Pipeline) -> None:
    order = [node.id for node in pipeline.components]

    assert sorted(order) == sorted(EDGES)
    for name, upstream in EDGES.items():
        assert all(order.index(name) > order.index(other) for other in upstream)


def test_the_compiled_pipeline_has_the_same_edges(pipeline: Pipeline) -> None:
    compiled = Compiler().compile(pipeline)

    assert {
        node.pipeline_node.node_info.id: set(node.pipeline_node.upstream_nodes)
        for node in compiled.nodes
    } == EDGES


def test_node_ids_are_fit_for_argo(nodes: Nodes) -> None:
    assert all(re.fullmatch("[A-Za-z0-9-]+", name) for name in nodes)


def test_the_splits_are_folders_of_the_data(build, tmp_path: Path) -> None:
    properties = by_id(build(data=tmp_path / "d"))["ExampleGen"].exec_properties

    assert properties["input_base"] == str(tmp_path / "d")
    assert json.loads(properties["input_config"])["splits"] == [
        {"name": name, "pattern": f"{name}/*.tfrecord.gz"}
        for name in ("train", "val", "test")
    ]


def test_transform_writes_a_graph_and_no_examples(nodes: Nodes) -> None:
    transform = nodes["Transform"]

    assert set(transform.outputs) == {"transform_graph"}
    assert transform.exec_properties["disable_statistics"] == 1


def test_a_node_is_ours_or_as_tfx_has_it(build) -> None:
    ours = build()
    stock = build('nodes.stock=["ExampleGen", "Transform", "Evaluator"]')

    assert rerun(ours, stock) == {"ExampleGen", "Transform", "Evaluator"}
    for name, node in by_id(stock).items():
        if name in ("ExampleGen", "Transform", "Evaluator"):
            assert type(node).__module__.startswith("tfx.components.")
            assert node.executor_spec.executor_class.__module__.startswith("tfx.")
    evaluator = by_id(stock)["Evaluator"].exec_properties
    assert evaluator["module_path"] is None
    assert "components." not in evaluator["eval_config"]


def test_our_code_is_named_by_dotted_paths(nodes: Nodes) -> None:
    transform, trainer = nodes["Transform"], nodes["Trainer"]

    assert transform.exec_properties["preprocessing_fn"] == (
        "components.training.transform.preprocessing_fn"
    )
    assert trainer.exec_properties["run_fn"] == "components.training.trainer.run_fn"
    for node in (transform, trainer, nodes["Evaluator"]):
        assert node.exec_properties["module_file"] is None


def test_each_split_is_used_for_one_thing(nodes: Nodes) -> None:
    trainer, evaluator = (
        nodes[name].exec_properties for name in ("Trainer", "Evaluator")
    )

    assert json.loads(trainer["train_args"])["splits"] == ["train"]
    assert json.loads(trainer["eval_args"])["splits"] == ["val"]
    assert json.loads(evaluator["example_splits"]) == ["test"]


def test_the_trainer_gets_all_hyperparameters(build) -> None:
    pipeline = build("model.hidden_units=[8, 4]", "train.augment.shift=2.5")
    properties = by_id(pipeline)["Trainer"].exec_properties
    custom = json.loads(properties["custom_config"])

    assert custom["model"]["hidden_units"] == [8, 4]
    assert custom["train"]["augment"]["shift"] == 2.5
    assert custom["train"]["epochs"] == load_config().train.epochs


def test_the_evaluator_gets_the_bound(build) -> None:
    pipeline = build("evaluation.min_accuracy=0.625")
    config = by_id(pipeline)["Evaluator"].exec_properties["eval_config"]

    assert '"lower_bound": 0.625' in config


def test_the_evaluator_compares_the_candidate_with_the_baseline(
    nodes: Nodes, tmp_path: Path
) -> None:
    inputs = nodes["Evaluator"].inputs

    assert inputs["model"].producer_component_id == "Trainer"
    assert inputs["baseline_model"].producer_component_id == "BaselineResolver"
    resolver = nodes["BaselineResolver"]
    # By name: TFX reloads modules whose functions it calls.
    strategy = resolver.exec_properties["resolver_class"]
    assert strategy.__qualname__ == ServingModelStrategy.__qualname__
    assert resolver.exec_properties["source_uri"] == {
        "serving": str(tmp_path / "workspace" / "serving" / "mnist"),
        "artifacts": str(tmp_path / "workspace" / "artifacts"),
        "pipeline": "mnist",
        "skip": False,
    }
    assert "Trainer" in {node.id for node in resolver.upstream_nodes}


def test_a_warm_start_reads_the_model_that_serves_before_training(build) -> None:
    cold, warm = build(), build(warm_start=True)
    nodes = by_id(warm)

    assert set(nodes) == {*by_id(cold), "WarmStartResolver"}
    base = nodes["Trainer"].inputs["base_model"]
    assert base.producer_component_id == "WarmStartResolver"
    assert "candidate" not in nodes["WarmStartResolver"].inputs
    assert "base_model" not in by_id(cold)["Trainer"].inputs
    for pipeline, expected in ((cold, False), (warm, True)):
        properties = by_id(pipeline)["Trainer"].exec_properties
        assert json.loads(properties["custom_config"])["warm_start"] is expected


def test_the_pusher_pushes_what_every_gate_blessed(build, tmp_path: Path) -> None:
    pusher = by_id(build("pipeline=digits", workspace=tmp_path / "w"))["Pusher"]

    assert {name: c.producer_component_id for name, c in pusher.inputs.items()} == {
        "model": "Trainer",
        "evaluation": "Evaluator",
        **{gate.pusher_input: gate.node for gate in GATES},
    }
    for gate in GATES:
        assert pusher.inputs[gate.pusher_input].output_key == gate.output
    destination = str(tmp_path / "w" / "serving" / "digits")
    assert pusher.exec_properties["destination"] == destination


def test_the_pipeline_lives_in_the_workspace(build, tmp_path: Path) -> None:
    pipeline = build("pipeline=digits", workspace=tmp_path / "w")

    assert pipeline.pipeline_info.pipeline_name == "digits"
    assert pipeline.pipeline_info.pipeline_root == str(tmp_path / "w" / "artifacts")
    assert pipeline.metadata_connection_config.sqlite.filename_uri == str(
        tmp_path / "w" / "metadata.sqlite"
    )
    assert pipeline.enable_cache


def test_beam_runs_in_this_process(pipeline: Pipeline) -> None:
    assert pipeline.beam_pipeline_args == [
        "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
        "--direct_running_mode=in_memory",
        "--direct_num_workers=1",
        "--sdk_container_image=none",
        "--no_pipeline_type_check",
    ]


@pytest.fixture
def opened() -> Iterator[list[object]]:
    """Files and folders that anything opens, lists, makes or removes meanwhile."""
    events: list[object] = []
    watched = ("open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename")
    watching = True

    def hook(event: str, arguments: tuple) -> None:
        if watching and event in watched:
            events.append(arguments[0])

    sys.addaudithook(hook)
    yield events
    # A hook is there for good.
    watching = False


def test_wiring_opens_no_file(opened: list[object], tmp_path: Path) -> None:
    config = load_config(workspace=tmp_path / "w", warm_start=True)
    digests = Digests("c0de", "da7a", "5c", DIGITS, dict.fromkeys(NODE_CODE, "d1"))
    # What is imported late is read once; what would be read again is not.
    create_pipeline(load_config(), NO_DIGESTS)
    opened.clear()
    create_pipeline(config, digests)
    wired = list(opened)
    read_digests(config, NODE_CODE)

    assert wired == []
    assert str(config.schema) in map(str, opened)


def test_wiring_asks_neither_the_environment_nor_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = load_config()

    asked = []

    def get(_: object, name: str) -> str:
        asked.append(name)
        raise KeyError(name)

    def refuse() -> None:
        raise AssertionError("asked for the time")

    create_pipeline(config, NO_DIGESTS)
    with monkeypatch.context() as patch:
        patch.setattr(type(os.environ), "__getitem__", get)
        for clock in ("time", "time_ns", "monotonic", "perf_counter"):
            patch.setattr(time, clock, refuse)
        create_pipeline(config, NO_DIGESTS)

    # TFX's own question.
    assert set(asked) <= {"UNSUPPORTED_DO_NOT_PACKAGE_USER_MODULES"}


@pytest.mark.parametrize(
    "part",
    ["data_nodes", "training_nodes", "evaluation_nodes", "publishing_node"],
)
def test_each_part_is_short(part: str) -> None:
    lines, _ = inspect.getsourcelines(getattr(definition, part))

    assert len(lines) < 50


def test_the_arguments_of_beam_are_handed_on() -> None:
    pipeline = create_pipeline(load_config(), NO_DIGESTS, beam_args=["--runner=R"])

    assert pipeline.beam_pipeline_args == ["--runner=R"]


def test_the_same_configuration_has_the_same_cache_keys(build) -> None:
    assert rerun(build(), build()) == set()


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.epochs=3", {"Trainer"}),
        ("model.dropout=0.3", {"Trainer"}),
        ("evaluation.min_accuracy=0.5", {"Evaluator", "ModelAudit", "Pusher"}),
        ("data_gate.min_train=500", {"DataGate"}),
        ("serving_check.timeout=9.0", {"ServingCheck"}),
    ],
)
def test_a_setting_changes_the_node_that_uses_it(build, override, expected) -> None:
    assert rerun(build(), build(override)) == expected


def test_another_schema_of_the_same_name_imports_it_again(
    build, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(load_config().schema.read_text("utf-8"), "utf-8")
    before = build(schema=schema)
    schema.write_text(schema.read_text("utf-8") + "# more\n", "utf-8")

    # The Pusher writes the digest of the schema into the manifest.
    assert rerun(before, build(schema=schema)) == {"SchemaGen", "Pusher"}


def test_other_class_names_push_again_and_train_nothing(build, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    before = build(data=tmp_path / "data")
    names = [f"class {label}" for label in range(10)]
    (tmp_path / "data" / "classes.json").write_text(json.dumps(names))
    after = build(data=tmp_path / "data")

    # ModelAudit draws predictions by their names.
    assert rerun(before, after) == {"ModelAudit", "Pusher"}
    [told] = [
        json.loads(node.exec_properties["provenance"])["classes"]
        for node in after.components
        if node.id == "Pusher"
    ]
    assert told == names
