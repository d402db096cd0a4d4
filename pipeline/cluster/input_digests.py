"""Digests of a run whose nodes run in containers; ``node`` and ``report`` ask here.

An input is digested once a run, by the task whose node reads it, just before: so it is
of what the node reads, whatever was there earlier. Other tasks take the digest from the
run's folder in the workspace that they share. Code is digested by each task, which
takes no time, since its image may be another one than that of the tasks before.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.durable import replace_text
from pipeline.config import Config
from pipeline.definition import NODE_CODE
from pipeline.digests import NO_DIGESTS, Digests, digests_with, read_input
from pipeline.run.node_attempts import NodeAttempts

_INPUTS = ("data", "schema")


def task_digests(config: Config, node_id: str, attempts: NodeAttempts) -> Digests:
    """Returns the digests that a task needs to run its node.

    Args:
      config: of the run.
      node_id: names the node.
      attempts: of the run.

    Raises:
      DatasetError: the class names beside the data will not do.
      OSError: the data or the schema is gone.
    """
    if node_id not in NODE_CODE:
        # Resolvers have no key, and one of them waits for no other node.
        return NO_DIGESTS
    reads, earlier = NODE_CODE[node_id].reads, attempts.read(node_id)
    ended = earlier is not None and earlier.state in ("done", "cached")
    inputs = {name: getattr(NO_DIGESTS, name) for name in (*_INPUTS, "classes")}
    for name in _INPUTS:
        if reads is None or (name == reads and ended):
            inputs |= _kept(config, name, attempts)
        elif name == reads:
            inputs |= _keep(config, name, attempts)
    return digests_with(inputs, NODE_CODE)


def run_digests(config: Config, attempts: NodeAttempts) -> Digests:
    """Returns the digests of a run whose tasks have ended.

    Raises:
      DatasetError: the class names beside the data will not do.
      OSError: an input that no task digested is gone.
    """
    data, schema = (_kept(config, name, attempts) for name in _INPUTS)
    return digests_with({**data, **schema}, NODE_CODE)


def _kept(config: Config, name: str, attempts: NodeAttempts) -> Mapping[str, Any]:
    """Returns what the task that read an input found; reads it where none did."""
    file = _file(name, attempts)
    if not file.is_file():
        return _keep(config, name, attempts)
    return json.loads(file.read_text(encoding="utf-8"))


def _keep(config: Config, name: str, attempts: NodeAttempts) -> Mapping[str, Any]:
    found = read_input(config, name)
    file = _file(name, attempts)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_text(file, json.dumps(found, indent=2) + "\n")
    return found


def _file(name: str, attempts: NodeAttempts) -> Path:
    # In a folder of its own: each JSON file beside it is the attempt of a node.
    return attempts.folder / "inputs" / f"{name}.json"
