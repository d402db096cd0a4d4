"""Text is UTF-8 whatever the locale: each place that reads or writes it says so."""

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("benchmarks", "components", "deployment", "pipeline")
_MODE = re.compile(r"[rwax+t]+")


def opens_as_text(call: ast.Call) -> bool:
    """Does a call read or write text, as far as its name and mode tell?"""
    if isinstance(call.func, ast.Attribute):
        name, modes = call.func.attr, call.args
    else:
        name, modes = getattr(call.func, "id", ""), call.args[1:]
    if name in ("read_text", "write_text"):
        # As a function it is that of components.durable.
        return isinstance(call.func, ast.Attribute)
    if name in ("run", "Popen", "check_output"):
        return any(k.arg == "text" and k.value.value for k in call.keywords)
    modes = [*modes, *(k.value for k in call.keywords if k.arg == "mode")]
    mode = modes[0] if modes else ast.Constant("r")
    if name not in ("open", "fdopen", "NamedTemporaryFile"):
        return False
    return isinstance(mode, ast.Constant) and bool(_MODE.fullmatch(str(mode.value)))


def names_no_encoding(source: str) -> list[int]:
    """Returns the lines of a source that leave an encoding to the locale."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        if opens_as_text(call) and not any(k.arg == "encoding" for k in call.keywords)
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("file.read_text()", True),
        ("file.write_text(text)", True),
        ("file.open()", True),
        ("open(3, 'w', closefd=False)", True),
        ("open(name, mode='r')", True),
        ("subprocess.run(words, text=True)", True),
        ("file.read_text(encoding='utf-8')", False),
        ("file.open('rb')", False),
        ("open(name, 'ab')", False),
        ("Image.open(source)", False),
        ("write_text(file, text)", False),
        ("subprocess.run(words)", False),
    ],
)
def test_what_is_found(line, found):
    assert names_no_encoding(line) == ([1] if found else [])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_text_names_its_encoding(package):
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in names_no_encoding(path.read_text(encoding="utf-8"))
    ]
    assert found == []
