"""Digests of code and files, for cache keys and for the manifest of a model."""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

PACKAGE = "components"
# The folder that holds the package.
ROOT = Path(__file__).resolve().parents[1]


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


def code_digest() -> str:
    """Returns the digest of all code that a model is made by."""
    return source_digest("components.transform", "components.trainer")


def data_digest(folder: Path) -> str:
    """Returns the digest of the records in a data folder.

    Args:
      folder: holds ``train/``, ``val/`` and ``test/``.
    """
    return files_digest(folder.glob("*/*.tfrecord.gz"))


def _closure(module: str, found: dict[str, Path]) -> dict[str, Path]:
    file = _source(module)
    if file is None:
        raise ModuleNotFoundError(f"Expected a module with source. Received: {module}.")
    found[module] = file
    for name in _imported(file.read_text()):
        if name not in found and _source(name) is not None:
            _closure(name, found)
    return found


@functools.cache
def _imported(source: str) -> frozenset[str]:
    """Returns what a module may import from the package: modules, and names in them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return frozenset(name for name in names if name.startswith(f"{PACKAGE}."))


def _source(name: str) -> Path | None:
    """Returns the file of a module or package, or None where there is none."""
    path = ROOT.joinpath(*name.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)
