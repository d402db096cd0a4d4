"""Imports go one way, from what runs the pipeline down to what runs inside a node."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

TFX_LINE = "pipeline.environment.tfx_line"
# What tells one version from another; recording a version compares nothing.
VERSION_TESTS = ("sys.version_info", "packaging.version", "sys.hexversion")
# Packages, and modules beside them: each imports itself and what stands above it.
# A module that is in none of them fails a test, so a new one is guarded by itself.
ORDER = (
    "components",
    "pipeline.environment",
    "pipeline.beam_args",
    "pipeline.settings",
    "pipeline.kubeflow_settings",
    "pipeline.node_settings",
    "pipeline.config",
    "pipeline.summary",
    "pipeline.digests",
    "pipeline.metadata",
    "pipeline.workspace",
    "pipeline.datasets",
    "pipeline.history",
    "pipeline.evaluation",
    "pipeline.definition",
    "pipeline.prediction",
    "pipeline.reporting",
    "pipeline.local_runner",
    "pipeline.run",
    "pipeline.cluster",
    "pipeline.commands",
    "pipeline.node_runner",
    "pipeline.cli",
)
# Families of components, each with the families that it may use besides the modules
# at the root of components.
FAMILIES = {
    "data": (),
    "pictures": (),
    "evaluation": ("data",),
    "serving": ("pictures",),
    "training": ("pictures", "serving"),
    "publishing": ("evaluation",),
}


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


def place(name: str) -> int | None:
    """Returns the position in ``ORDER`` of a module or of a name in one."""
    for position, owner in enumerate(ORDER):
        if name == owner or name.startswith(f"{owner}."):
            return position
    return None


def family(name: str) -> str:
    """Returns the family of components that a name is in; empty for the root."""
    part = name.removeprefix("components.").partition(".")[0]
    return part if part in FAMILIES else ""


def ours(names: set[str]) -> list[str]:
    """Returns the names that are modules of ours or names in them."""
    return sorted(n for n in names if n.partition(".")[0] in ("components", "pipeline"))


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
    assert "components.features" in modules("components")
    assert "pipeline.definition" in modules("pipeline")


def test_every_module_has_its_place():
    found = [*modules("components"), *modules("pipeline")]
    # The package itself runs before all others, and does nothing with them.
    missing = [m for m in found if place(m) is None and m != "pipeline.__init__"]
    assert missing == []


def test_imports_go_one_way():
    wrong = [
        f"{module} imports {name}"
        for module, names in (modules("components") | modules("pipeline")).items()
        if module != "pipeline.__init__"
        for name in ours(names)
        if name not in ("components", "pipeline")
        if place(name) is None or place(name) > place(module)
    ]
    assert wrong == []


def test_families_of_components_keep_to_themselves():
    wrong = [
        f"{module} imports {name}"
        for module, names in modules("components").items()
        for name in ours(names)
        if family(name) not in ("", family(module), *FAMILIES.get(family(module), ()))
    ]
    assert wrong == []


def test_every_family_is_a_folder():
    folders = {file.parent.name for file in (ROOT / "components").glob("*/*.py")}
    assert folders == set(FAMILIES)


def test_features_import_nothing_of_ours():
    assert ours(modules("components")["components.features"]) == []


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
    wrong = [
        f"{module} imports {name}"
        for module, names in (modules("components") | modules("pipeline")).items()
        for name in sorted(names)
        if name.partition(".")[0] in banned
    ]
    assert wrong == []


def test_every_folder_of_tests_is_a_package():
    # Without it, two test files of one name cannot be collected together.
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [
        str(one) for one in sorted(folders) if not (one / "__init__.py").exists()
    ] == []
