"""What depends on a change runs again: code, settings, data, schema and libraries.

Nothing runs here: the cache keys of the compiled pipeline are compared. What follows
from another node runs again because its input is another artifact.
"""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.compiler.compiler import Compiler
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline

from components.checkout import PROJECT_ROOT
from pipeline import digests as source_digest
from pipeline.config import Config, load_config
from pipeline.definition import NODE_CODE, create_pipeline
from pipeline.settings import settings_of
from tests.test_layering import imported_names

pytestmark = pytest.mark.slow

# What each node runs of ours, and what it uses besides what that imports.
CODE = {
    "ExampleGen": {"components.data.example_gen"},
    "SchemaGen": set(),
    "StatisticsGen": {"components.data.statistics_gen"},
    "ExampleValidator": set(),
    "DataAudit": {"components.data.audit"},
    "DataGate": {"components.data.gate"},
    "Transform": {
        "components.training.transform",
        "components.training.plain_transform",
    },
    "Trainer": {"components.training.trainer"},
    "ServingCheck": {"components.serving.check"},
    "Evaluator": {
        "components.evaluation.extractors",
        "components.evaluation.metrics",
        "components.evaluation.plain_evaluator",
    },
    "ModelAudit": {"components.evaluation.audit"},
    "Pusher": {"components.publishing.pusher"},
}
# They run in every run, so they need no key; what they find is an input of others.
RESOLVERS = {
    "components.data.previous",
    "components.publishing.baseline",
    "components.publishing.previous_model",
}
EVERY = set(CODE)
MODULES = {
    ".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(
        ".__init__"
    ): file
    for file in sorted(PROJECT_ROOT.joinpath("components").rglob("*.py"))
}

Keys = Callable[..., dict[str, bytes]]


def closure(modules: set[str]) -> set[str]:
    """Returns modules of ours and all that they import, by source."""
    found: set[str] = set()
    while new := modules - found:
        found |= new
        imported = set().union(
            # Importing a module imports the package around it first.
            {name.rpartition(".")[0] for name in new},
            *(imported_names(MODULES[name].read_text("utf-8")) for name in new),
        )
        modules = found | (imported & MODULES.keys())
    return found


def wired(config: Config) -> Pipeline:
    """The pipeline as a run has it."""
    digests = source_digest.read_digests(config, NODE_CODE)
    return create_pipeline(config, digests)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Data of three files, whose content nobody reads here."""
    for split in ("train", "val", "test"):
        (tmp_path / "data" / split).mkdir(parents=True)
        (tmp_path / "data" / split / "a.tfrecord.gz").write_bytes(split.encode())
    return tmp_path / "data"


@pytest.fixture
def keys(tmp_path: Path, small: Path) -> Keys:
    """Wires the pipeline; node → what TFX keys its cache by, besides inputs."""

    def keys(*overrides: str, **fields: Any) -> dict[str, bytes]:
        fields = {"workspace": tmp_path / "w", "data": small, **fields}
        pipeline = wired(load_config(overrides=overrides, **fields))
        return {
            node.id: node.executor_spec.encode().SerializeToString(deterministic=True)
            + json.dumps(node.exec_properties, sort_keys=True).encode()
            for node in pipeline.components
            if not isinstance(node, Resolver)
        }

    return keys


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of our package, which the digests are made from."""
    shutil.copytree(PROJECT_ROOT / "components", tmp_path / "tree" / "components")
    monkeypatch.setattr(source_digest, "PROJECT_ROOT", tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Makes a distribution tell of another version."""
    installed = source_digest.version

    def upgrade(distribution: str) -> None:
        monkeypatch.setattr(
            source_digest,
            "version",
            lambda name: "99.0" if name == distribution else installed(name),
        )
        source_digest._version.cache_clear()

    yield upgrade
    source_digest._version.cache_clear()


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    assert before.keys() == after.keys() == EVERY
    return {node for node in before if before[node] != after[node]}


def test_each_node_is_known_here_by_the_executor_that_it_runs(
    tmp_path: Path, small: Path
) -> None:
    pipeline = wired(load_config(workspace=tmp_path / "w", data=small))
    executors = {
        node.id: node.executor_spec.executor_class.__module__
        for node in pipeline.components
        if not isinstance(node, Resolver)
    }

    assert executors.keys() == EVERY
    for node, module in executors.items():
        assert module in CODE[node] or module.startswith("tfx."), node


def test_nothing_changed(keys: Keys, tree: Path) -> None:
    assert changed(keys(), keys()) == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_line_of_a_module_runs_the_nodes_that_import_it(
    keys: Keys, tree: Path, module: str
) -> None:
    before = keys()
    file = tree / MODULES[module].relative_to(PROJECT_ROOT)
    file.write_text(file.read_text("utf-8") + "\nMORE = 1\n", "utf-8")

    expected = {node for node, code in CODE.items() if module in closure(code)}
    # The digest of what the model was made by stands in its manifest.
    if expected & {"Trainer", "Transform"}:
        expected |= {"Pusher"}
    assert changed(before, keys()) == expected
    assert expected or module in closure(RESOLVERS)


def test_the_keys_are_in_the_compiled_pipeline(tmp_path: Path, small: Path) -> None:
    pipeline = wired(load_config(workspace=tmp_path / "w", data=small))
    compiled = Compiler().compile(pipeline)
    deployment = runner_utils.extract_local_deployment_config(compiled)
    specs = {node: str(spec) for node, spec in deployment.executor_specs.items()}
    specs["Trainer"] = str(compiled.nodes)

    assert specs.keys() == EVERY
    for node in EVERY - {"Trainer"}:
        assert re.search(r"--content_digest=[0-9a-f]{64}", specs[node]), node
    assert source_digest.node_digest("components.training.trainer") in specs["Trainer"]


def test_a_copy_of_the_code_elsewhere_has_the_same_keys(keys: Keys, request) -> None:
    before = keys()
    request.getfixturevalue("tree")

    assert changed(before, keys()) == set()


def test_a_digest_holds_every_module_that_python_loads() -> None:
    # In a process of its own, where nothing of ours is loaded yet.
    script = (
        "import json, os, sys\n"
        "import keras, tfx.components, tensorflow_model_analysis\n"
        "loaded = {}\n"
        "for node, modules in json.loads(sys.argv[1]).items():\n"
        "    read, write = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        for module in modules: __import__(module)\n"
        "        ours = [n for n in sys.modules if n.split('.')[0] == 'components']\n"
        "        os.write(write, json.dumps(ours).encode())\n"
        "        os._exit(0)\n"
        "    os.close(write)\n"
        "    loaded[node] = json.loads(os.fdopen(read).read())\n"
        "print(json.dumps(loaded))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(CODE, default=sorted)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    loaded = json.loads(done.stdout)

    assert loaded.keys() == CODE.keys()
    for node, modules in loaded.items():
        assert set(modules) <= source_digest._closure(CODE[node]).keys(), node


def test_no_module_of_ours_is_imported_in_a_way_that_source_does_not_show() -> None:
    hidden = ("importlib.import_module", "importlib.util", "__import__(", "exec(")
    assert [
        name
        for name, file in MODULES.items()
        if any(way in file.read_text("utf-8") for way in hidden)
    ] == []


STOCK = {
    "ExampleGen": {"apache-beam"},
    "SchemaGen": {"tfx"},
    "ExampleValidator": {
        "tfx",
        "tensorflow-data-validation",
        "tensorflow-metadata",
        "protobuf",
    },
    "DataGate": {"tensorflow-data-validation"},
    "Transform": {
        "tfx",
        "tfx-bsl",
        "tensorflow-transform",
        "tensorflow-metadata",
        "apache-beam",
        "numpy",
        "protobuf",
        "pyarrow",
    },
    "Evaluator": {"tfx", "tfx-bsl", "tf-keras"},
    "Pusher": {"tensorflow"},
}


def libraries() -> dict[str, set[str]]:
    """Returns node → distributions that it uses, by the metadata of all installed."""
    owners = {**packages_distributions(), "google": ["protobuf"]}
    used = {}
    for node, code in CODE.items():
        names = set().union(
            *(imported_names(MODULES[m].read_text("utf-8")) for m in closure(code)),
        )
        packages = {name.split(".")[0] for name in names}
        packages -= {"components", *sys.stdlib_module_names}
        # Python 3.10 does not know all owners; two own the package tfx.
        owned = {owners.get(name, [name])[-1] for name in packages}
        distributions = {name.lower().replace("_", "-") for name in owned}
        used[node] = distributions | STOCK.get(node, set())
    return used


LIBRARIES = libraries()


@pytest.mark.parametrize("library", sorted(set().union(*LIBRARIES.values())))
def test_another_version_of_a_library_runs_the_nodes_that_use_it(
    keys: Keys, upgraded: Callable[[str], None], library: str
) -> None:
    before = keys()
    upgraded(library)

    assert changed(before, keys()) == {n for n in CODE if library in LIBRARIES[n]}


@pytest.mark.parametrize(
    ("library", "least", "never"),
    [
        ("keras", {"Trainer"}, EVERY - {"Trainer"}),
        ("tensorflow", {"Transform", "Trainer", "ServingCheck", "Evaluator"}, set()),
        ("tfx", EVERY, set()),
        ("tensorflow-transform", {"Transform", "Trainer"}, {"StatisticsGen"}),
        ("tensorflow-model-analysis", {"Evaluator"}, {"Trainer", "Transform"}),
        ("tensorflow-data-validation", {"StatisticsGen", "ExampleValidator"}, set()),
        ("apache-beam", {"StatisticsGen", "Transform", "Evaluator"}, {"Trainer"}),
        ("numpy", {"StatisticsGen", "Trainer", "Evaluator"}, {"SchemaGen"}),
        ("matplotlib", set(), EVERY),
        ("rich", set(), EVERY),
    ],
)
def test_an_upgrade_runs_what_uses_it_and_nothing_else(
    keys: Keys, upgraded, library: str, least: set[str], never: set[str]
) -> None:
    before = keys()
    upgraded(library)
    ran = changed(before, keys())

    assert least <= ran
    assert not never & ran


def test_a_file_of_the_data_runs_what_reads_it(keys: Keys, small: Path) -> None:
    before = keys()
    (small / "val" / "a.tfrecord.gz").write_bytes(b"other")

    # Those after ExampleGen get other examples.
    assert changed(before, keys()) == {"ExampleGen", "Pusher"}


def test_touching_the_data_runs_nothing(keys: Keys, small: Path) -> None:
    before = keys()
    os.utime(small / "val" / "a.tfrecord.gz", (1, 1))

    assert changed(before, keys()) == set()


def test_a_line_of_the_schema_imports_it_again(keys: Keys, tmp_path: Path) -> None:
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(load_config().schema.read_text("utf-8"), "utf-8")
    before = keys(schema=schema)
    schema.write_text(schema.read_text("utf-8") + "# more\n", "utf-8")

    assert changed(before, keys(schema=schema)) == {"SchemaGen", "Pusher"}


# Which nodes each table of settings is for.
TABLES = {
    "model": {"Trainer"},
    "train": {"Trainer"},
    "data_gate": {"DataGate"},
    "evaluation": {"Evaluator", "ModelAudit", "Pusher"},
    "serving_check": {"ServingCheck"},
    "nodes": {"StatisticsGen"},
    "kubeflow": set(),
}
# Of the settings of the model gate, those that the Evaluator judges; ModelAudit is told
# all of them.
EVALUATED = {
    "evaluation.min_accuracy",
    "evaluation.max_loss",
    "evaluation.min_digit_accuracy",
    "evaluation.max_accuracy_drop",
    "evaluation.max_digit_accuracy_drop",
}
# Values for settings that no rule below finds another value for.
OTHERS = {
    "model.hidden_units": "[3]",
    "nodes.stock": '["StatisticsGen"]',
    "kubeflow.workspace": "/elsewhere",
    "kubeflow.secret_path": "/elsewhere",
    "kubeflow.nodes": "{Trainer = {cpu_limit = '3'}}",
}


def leaves(kind: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the dotted key and the default of each setting."""
    for field in dataclasses.fields(kind):
        value = getattr(kind, field.name)
        key = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{key}.")
        else:
            yield key, value


def other_values(key: str, value: Any) -> Iterator[str]:
    """Yields values of a setting that are not its own, for one that is allowed."""
    if key in OTHERS:
        yield OTHERS[key]
    elif isinstance(value, bool):
        yield str(not value).lower()
    elif isinstance(value, int):
        yield from (str(value + 1), str(max(value - 1, 0)))
    elif isinstance(value, float):
        yield from (str(value * 1.01 + 0.001), str(value * 0.5))
    elif choices := CHOICES.get(key):
        yield from choices
    elif value is None:
        yield from ("/elsewhere", "a-name")
    else:
        yield from ("a-name", "1Gi", "100m")


CHOICES = {setting.key: setting.choices for setting in settings_of(Config)}
SETTINGS = {
    key: value
    for key, value in leaves(load_config())
    if key.partition(".")[0] in TABLES and "." in key
}


@pytest.mark.parametrize("key", SETTINGS)
def test_a_setting_runs_the_nodes_that_it_is_for(keys: Keys, key: str) -> None:
    for value in other_values(key, SETTINGS[key]):
        try:
            other = load_config(overrides=[f"{key}={value}"])
        except Exception:
            continue
        if dict(leaves(other))[key] != SETTINGS[key]:
            break
    else:
        pytest.fail(f"no other value of {key} is known here: add one to OTHERS")

    expected = TABLES[key.partition(".")[0]]
    if key.startswith("evaluation.") and key not in EVALUATED:
        expected = expected - {"Evaluator"}
    base = keys()
    assert changed(base, keys(f"{key}={value}")) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({"rebaseline": True}, {"DataGate", "ModelAudit", "Pusher"}),
        ({"preset": "default"}, set()),
    ],
)
def test_the_other_fields(keys: Keys, field: dict, expected: set[str]) -> None:
    assert changed(keys(), keys(**field)) == expected


def test_a_warm_start_is_another_training(keys: Keys) -> None:
    cold, warm = keys(), keys(warm_start=True)

    assert changed(cold, {node: warm[node] for node in EVERY}) == {"Trainer"}
