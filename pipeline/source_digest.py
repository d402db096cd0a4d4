"""Digests of code and files, for cache keys and for the manifest of a model."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "components"


def source_digest(*modules: str) -> str:
    """Returns the SHA-256 of modules of ``components`` and all they import there.

    Imports are followed in the source, so that nothing heavy is imported here.

    Args:
      *modules: dotted names, like ``components.trainer``.
    """
    digest = hashlib.sha256()
    found: dict[str, Path] = {}
    for module in modules:
        _closure(module, found)
    for name, path in sorted(found.items()):
        digest.update(f"{name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def files_digest(files: Iterable[Path]) -> str:
    """Returns the SHA-256 of the names and contents of files, whatever their order."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.parent.name}/{file.name}\0{content}\0".encode())
    return digest.hexdigest()


def _closure(module: str, found: dict[str, Path]) -> dict[str, Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"Expected a module with source. Received: {module}.")
    found[module] = Path(spec.origin)
    for name in _imported(ast.parse(found[module].read_text())):
        if name not in found:
            _closure(name, found)
    return found


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith(f"{PACKAGE}.") and _is_module(name):
                yield name


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
