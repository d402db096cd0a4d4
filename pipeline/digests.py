"""Digests of code and files, for cache keys and for the manifest of a model."""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from components.checkout import PROJECT_ROOT

PACKAGE = "components"
# Distributions that are not called as the package in them, '-' for '_'.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "google": "protobuf",
    "tensorflow_serving": "tensorflow-serving-api",
}


def node_digest(*modules: str, libraries: Iterable[str] = ()) -> str:
    """Returns the SHA-256 of what a node runs: our code, and versions of libraries.

    The libraries are those that our code imports anywhere, inside functions as well,
    and those named. No path is part of it.

    Args:
      *modules: dotted names, like ``components.training.trainer``; none for a node of
        TFX that runs no code of ours.
      libraries: distributions, like ``tfx``, that the node uses besides.

    Raises:
      ModuleNotFoundError: there is no such module.
    """
    files = _closure(modules)
    used = {*libraries, *_distributions(files)}
    versions = (f"{name}=={_version(name)}" for name in sorted(used))
    return hashlib.sha256("\0".join([_digest(files), *versions]).encode()).hexdigest()


def source_digest(*modules: str) -> str:
    """Returns the SHA-256 of modules of ``components`` and all they import there.

    Imports are followed in the source, so that nothing heavy is imported here.

    Args:
      *modules: dotted names, like ``components.training.trainer``.

    Raises:
      ModuleNotFoundError: there is no such module.
    """
    return _digest(_closure(modules))


def files_digest(files: Iterable[Path]) -> str:
    """Returns the SHA-256 of the names and contents of files, whatever their order."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.parent.name}/{file.name}\0{content}\0".encode())
    return digest.hexdigest()


def code_digest() -> str:
    """Returns the digest of all code that a model is made by."""
    modules = "training.transform", "plain_nodes", "training.trainer"
    return source_digest(*(f"components.{module}" for module in modules))


def data_digest(folder: Path) -> str:
    """Returns the digest of the records in a data folder.

    Args:
      folder: holds ``train/``, ``val/`` and ``test/``.
    """
    return files_digest(folder.glob("*/*.tfrecord.gz"))


def _closure(modules: Iterable[str]) -> dict[str, bytes]:
    """Returns the sources of modules, of all they import, and of packages around."""
    ours = {
        _dotted(file.relative_to(PROJECT_ROOT)): file
        for file in PROJECT_ROOT.joinpath(PACKAGE).rglob("*.py")
    }
    found: dict[str, bytes] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in ours:
            raise ModuleNotFoundError(
                f"Expected a module with source. Received: {name}."
            )
        found[name] = ours[name].read_bytes()
        uses = {*_imported(found[name]), name.rpartition(".")[0]}
        waiting += uses & ours.keys() - found.keys()
    return found


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, source in sorted(files.items()):
        digest.update(f"{name}\0".encode() + source)
    return digest.hexdigest()


def _distributions(files: Mapping[str, bytes]) -> set[str]:
    """Returns the distributions of the libraries that sources import."""
    imported = {name for source in files.values() for name in _imported(source)}
    packages = {name.partition(".")[0] for name in imported}
    libraries = packages - sys.stdlib_module_names - {PACKAGE}
    return {_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in libraries}


@functools.cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "none"


@functools.cache
def _imported(source: bytes) -> frozenset[str]:
    """Returns what a module may import: modules, and names in them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return frozenset(names)
