"""Digests of code and files, for cache keys and for the manifest of a model.

What runs the pipeline reads them once and hands them to ``create_pipeline``.
"""

import ast
import functools
import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import attrs

from components.checkout import PROJECT_ROOT
from components.classes import DIGITS, read_class_names
from components.durable import sha256
from components.features import SPLITS
from components.image_spec import read_image_spec
from pipeline.config import Config

PACKAGE = "components"
# Distributions that are not called as the package in them, '-' for '_'.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "google": "protobuf",
    "tensorflow_serving": "tensorflow-serving-api",
}
# What a model is made by.
_MODEL_CODE = (
    "components.training.transform",
    "components.training.plain_transform",
    "components.training.trainer",
)


@attrs.frozen
class NodeCode:
    """What a node runs and reads.

    Attributes:
      modules: of ours, dotted, like ``components.training.trainer``; none for a node of
        TFX that runs no code of ours.
      libraries: distributions, like ``tfx``, that it uses besides those that our code
        imports.
      reads: the input of the run that it reads, ``data`` or ``schema``, if any.
    """

    modules: Sequence[str] = ()
    libraries: Sequence[str] = ()
    reads: str | None = None


@attrs.frozen
class Digests:
    """What a run depends on besides its configuration, as SHA-256.

    Attributes:
      code: of all code that a model is made by.
      data: of the records.
      schema: of the schema file.
      classes: names of the classes, which lie beside the records.
      nodes: node id → of its code, its libraries and the input that it reads.
    """

    code: str
    data: str
    schema: str
    classes: Sequence[str]
    nodes: Mapping[str, str]

    @property
    def origin(self) -> dict[str, Any]:
        """What a model came from, for its manifest and its run's summary, as JSON."""
        names = ("code", "data", "schema")
        return {name: getattr(self, name) for name in names} | {
            "classes": list(self.classes)
        }


# For who looks at nodes and edges alone.
NO_DIGESTS = Digests("", "", "", DIGITS, {})


def read_digests(config: Config, nodes: Mapping[str, NodeCode]) -> Digests:
    """Reads all code and files that a run depends on.

    Args:
      config: names the data and the schema.
      nodes: node id → what it runs and reads.

    Raises:
      DatasetError: the class names beside the data will not do.
      OSError: a file is gone.
    """
    return digests_with(
        {**read_input(config, "data"), **read_input(config, "schema")}, nodes
    )


def digests_with(inputs: Mapping[str, Any], nodes: Mapping[str, NodeCode]) -> Digests:
    """Returns the digests of our code, beside those of inputs read before.

    Args:
      inputs: from ``read_input``, of each input.
      nodes: node id → what it runs and reads.
    """
    keys = {
        name: "-".join(
            [
                node_digest(*node.modules, libraries=node.libraries),
                *([inputs[node.reads]] if node.reads else ()),
            ]
        )
        for name, node in nodes.items()
    }
    return Digests(code=code_digest(), nodes=keys, **inputs)


def read_input(config: Config, name: str) -> dict[str, Any]:
    """Reads one input of a run.

    Args:
      config: says where it lies.
      name: ``data`` or ``schema``.

    Returns:
      Fields of ``Digests``, as JSON values: ``data`` and ``classes``, or ``schema``.

    Raises:
      DatasetError: the class names beside the data will not do.
      OSError: a file is gone.
    """
    if name == "schema":
        return {"schema": files_digest([config.schema])}
    spec = read_image_spec(config.schema)
    return {
        "data": data_digest(config.data),
        "classes": list(read_class_names(config.data, spec.classes)),
    }


def node_digest(*modules: str, libraries: Iterable[str] = ()) -> str:
    """Returns the SHA-256 of what a node runs: our code, and versions of libraries.

    The libraries are those that our code imports anywhere, inside functions as well,
    and those named. No path is part of it.

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
        digest.update(f"{file.parent.name}/{file.name}\0{sha256(file)}\0".encode())
    return digest.hexdigest()


def code_digest() -> str:
    """Returns the digest of all code that a model is made by."""
    return source_digest(*_MODEL_CODE)


def data_digest(folder: Path) -> str:
    """Returns the digest of the records in a data folder.

    Args:
      folder: holds ``train/``, ``val/`` and ``test/``.
    """
    return files_digest(
        file for split in SPLITS for file in (folder / split).glob("*.tfrecord.gz")
    )


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
        if name not in found:
            found[name] = ours[name].read_bytes()
            uses = {*_imported(found[name]), name.rpartition(".")[0]}
            waiting += uses & ours.keys()
    return found


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, source in sorted(files.items()):
        digest.update(f"{name}\0".encode() + source)
        # A picture that a module reads lies beside it and has its name.
        picture = PROJECT_ROOT.joinpath(*name.split(".")).with_suffix(".png")
        if picture.exists():
            digest.update(picture.read_bytes())
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
