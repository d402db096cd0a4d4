"""Imports go one way: running → wiring → components → components.features."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FEATURES = "components.features"
TFX_LINE = "pipeline.environment.tfx_line"
# What tells one version from another; recording a version compares nothing.
VERSION_TESTS = ("sys.version_info", "packaging.version", "sys.hexversion")
# What a run is made of; it may not know who runs it.
WIRING = ("pipeline.config", "pipeline.definition", "pipeline.evaluation")
RUNNING = (
    "pipeline.cli",
    "pipeline.commands",
    "pipeline.cluster.container",
    "pipeline.run.execution",
    "pipeline.cluster.client",
    "pipeline.cluster.exit_handler",
    "pipeline.cluster.report",
    "pipeline.cluster.runner",
    "pipeline.cluster.verdict",
    "pipeline.local_runner",
    "pipeline.cluster.node",
    "pipeline.node_runner",
    "pipeline.run.screen",
)


def imported_names(source: str) -> set[str]:
    """Returns the dotted names that a module imports, at any depth of nesting."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what depends on what"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def modules(package: str) -> dict[str, set[str]]:
    """Returns dotted module name → imported names for every module of a package."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): imported_names(
            path.read_text()
        )
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def asked_versions(source: str) -> set[str]:
    """Returns which of ``VERSION_TESTS`` a module uses."""
    tree = ast.parse(source)
    attributes = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return (attributes | imported_names(source)) & set(VERSION_TESTS)


def inside(name: str, packages: tuple[str, ...]) -> bool:
    """Is a dotted name one of the packages, or in one of them?"""
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def violations(package: str, within: tuple[str, ...], banned: tuple[str, ...]):
    """Returns "importer imports imported" for every import that goes the wrong way."""
    return [
        f"{module} imports {name}"
        for module, names in modules(package).items()
        if inside(module, within)
        for name in sorted(names)
        if inside(name, banned)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pipeline.config as c", {"pipeline.config"}),
        ("from pipeline import config", {"pipeline", "pipeline.config"}),
        ("def f():\n  import a.b", {"a.b"}),
    ],
)
def test_imported_names_finds_every_form(source, expected):
    assert imported_names(source) == expected


def test_modules_are_found():
    assert FEATURES in modules("components")
    assert "pipeline.definition" in modules("pipeline")


def test_components_never_import_pipeline():
    assert violations("components", ("components",), ("pipeline",)) == []


def test_features_import_nothing_of_ours():
    assert violations("components", (FEATURES,), ("components", "pipeline")) == []


def test_wiring_never_imports_what_runs_it():
    assert violations("pipeline", WIRING, RUNNING) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import sys\nnew = sys.version_info >= (3, 11)", {"sys.version_info"}),
        ("from sys import version_info", {"sys.version_info"}),
        ("from packaging.version import Version", {"packaging.version"}),
        ("from importlib.metadata import version\nversion('tfx')", set()),
    ],
)
def test_asked_versions_finds_every_form(source, expected):
    assert asked_versions(source) == expected


def test_only_one_module_asks_for_a_version():
    asking = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for package in ("components", "pipeline", "benchmarks")
        for path in (ROOT / package).rglob("*.py")
        if asked_versions(path.read_text())
    }
    assert asking == {TFX_LINE}


def test_nothing_that_is_shipped_imports_tests_or_benchmarks():
    banned = ("tests", "benchmarks")
    assert violations("components", ("components",), banned) == []
    assert violations("pipeline", ("pipeline",), banned) == []


def test_every_folder_of_tests_is_a_package():
    # Without it, two test files of one name cannot be collected together.
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [
        str(one) for one in sorted(folders) if not (one / "__init__.py").exists()
    ] == []
