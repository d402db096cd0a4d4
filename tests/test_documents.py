"""README and docs/ stay short, lead everywhere, and know every command and room."""

import ast
import dataclasses
import io
import re
import tokenize
from pathlib import Path

import pytest

from components.gate_settings import (
    DataGateSettings,
    ModelGateSettings,
    ServingCheckSettings,
)
from components.gates import GATES
from pipeline.cli import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
MEASURED = re.compile(r"\d (s|ms|µs|MB|GB|minutes)\b|\d\d\.\d+ ?%")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_readme_is_short() -> None:
    assert len(text("README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_short_and_the_readme_leads_to_it(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) < 200
    assert f"](docs/{page.name})" in text("README.md")


def test_the_readme_names_every_command() -> None:
    commands = text("README.md").split("## Commands")[1].split("## ")[0]
    for name, command in cli.commands.items():
        assert f"`{name} " in commands or f"`{name}`" in commands
        for subcommand in getattr(command, "commands", ()):
            assert re.search(rf"`({name} )?{subcommand}`", commands), subcommand


def test_the_architecture_names_every_room() -> None:
    page = text("docs/architecture.md")
    for package in ("components", "pipeline"):
        rooms = [file.parent.name for file in (ROOT / package).glob("*/__init__.py")]
        assert rooms
        assert [room for room in rooms if f"  {room}/" not in page] == []


def test_the_architecture_names_every_node() -> None:
    definition = text("pipeline/definition.py")
    nodes = re.findall(r'\.with_id\("(\w+)"\)', definition)
    page = text("docs/architecture.md")
    assert len(nodes) > 10
    assert [node for node in nodes if node not in page] == []


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.id)
def test_readme_and_gates_name_every_gate(gate) -> None:
    assert f"| {gate.node} |" in text("README.md")
    assert f"exit code {gate.exit_code}" in text("README.md")
    assert f"| {gate.exit_code} | `{gate.status}` |" in text("docs/gates.md")
    assert gate.node in text("docs/gates.md")


@pytest.mark.parametrize(
    "settings", [DataGateSettings, ModelGateSettings, ServingCheckSettings]
)
def test_the_pages_of_gates_name_every_setting(settings) -> None:
    page = text("docs/gates.md") + text("docs/audit.md")
    names = [field.name for field in dataclasses.fields(settings)]
    assert [name for name in names if f"`{name}`" not in page] == []


def words(source: str) -> list[str]:
    """Returns the lines of the comments and docstrings of a module."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = [token.string for token in tokens if token.type == tokenize.COMMENT]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            found += (ast.get_docstring(node) or "").splitlines()
    return found


def test_a_measured_figure_is_found() -> None:
    source = '"""Takes 4.1 s."""\n# 99.45 % here\nx = "5 MB"\n# 0.1 % of the peak\n'
    assert [line for line in words(source) if MEASURED.search(line)] == [
        "# 99.45 % here",
        "Takes 4.1 s.",
    ]


@pytest.mark.parametrize("package", ["components", "pipeline", "benchmarks"])
def test_comments_carry_no_measured_figures(package: str) -> None:
    wrong = [
        f"{file}: {line}"
        for file in sorted((ROOT / package).rglob("*.py"))
        for line in words(file.read_text(encoding="utf-8"))
        if MEASURED.search(line)
    ]
    assert wrong == []
