"""From a published model back to what it was made from; ``runs trace`` calls it."""

from collections.abc import Callable
from pathlib import Path

import attrs

from components.publishing.manifest import Manifest
from components.publishing.serving import find_original
from components.publishing.store import ModelStore
from pipeline.digests import code_digest, data_digest, files_digest
from pipeline.history.runs import Execution, Run, RunHistory


@attrs.frozen
class Origin:
    """One thing that a model was made from.

    Attributes:
      digest: as its manifest says; None where it does not.
      path: where it lay; None where the metadata store does not know.
      now: whether it is the ``same`` there today, ``different``, ``missing`` or,
        where the place is not known, ``unknown``.
    """

    digest: str | None
    path: str | None
    now: str


@attrs.frozen
class Trace:
    """A published version and where it came from.

    Attributes:
      version: that was asked for.
      path: of its folder.
      manifest: of the version.
      changes: path → what differs from what was published; empty when nothing.
      original: the version that it is a copy of, over any number of rollbacks;
        itself for one that a run pushed.
      run: that pushed the original; None where nothing is left of it.
      code: that made it.
      data: that it was trained on.
      schema: that the data was held to.
      executions: every node that had part in it, as they ran; none where the
        metadata store does not know the version.
    """

    version: int
    path: Path
    manifest: Manifest
    changes: dict[str, str]
    original: int
    run: Run | None
    code: Origin
    data: Origin
    schema: Origin
    executions: tuple[Execution, ...]


def trace(history: RunHistory, store: ModelStore, version: int) -> Trace:
    """Follows a version back through the manifest and the metadata store.

    Raises:
      UsageError: there is no such version.
      PipelineError: its manifest or the metadata database is damaged.
    """
    manifest = store.manifest(version)
    original = find_original(store, version)
    pushing = _pushing(history, original)
    executions, trained_on = _ancestors(history, pushing), _read(history, pushing)
    digests = manifest.digests
    return Trace(
        version=version,
        path=store.path(version),
        manifest=manifest,
        changes=store.verify(version),
        original=original,
        run=next((r for r in history.runs if r.run_id == manifest.run_id), None),
        code=Origin(digests.get("code"), None, _same(digests.get("code"), code_digest)),
        data=_origin(
            digests.get("data"), trained_on, "ExampleGen", "input_base", data_digest
        ),
        schema=_origin(
            digests.get("schema"),
            trained_on,
            "SchemaGen",
            "schema_file",
            lambda file: files_digest([file]),
        ),
        executions=executions,
    )


def _pushing(history: RunHistory, version: int) -> Execution | None:
    """The execution of the Pusher that published a version."""
    for run in history.runs:
        pushed = run.output("Pusher", "pushed_model")
        if pushed and pushed.properties.get("pushed_version") == str(version):
            return history.maker(pushed.id)
    return None


def _ancestors(
    history: RunHistory, execution: Execution | None
) -> tuple[Execution, ...]:
    """An execution and all that made what it read, in the order they ran."""
    found: dict[int, Execution] = {}
    waiting = [execution] if execution else []
    while waiting:
        one = waiting.pop()
        if one.id not in found:
            found[one.id] = one
            waiting += _makers(history, one)
    return tuple(found[id] for id in sorted(found))


def _read(history: RunHistory, pushing: Execution | None) -> tuple[Execution, ...]:
    """Returns what made the inputs of the training of a pushed model.

    Not all that the push depends on: that includes the model compared with, and what
    that one was trained on.
    """
    trained = [one for one in _makers(history, pushing) if one.node == "Trainer"]
    return tuple(maker for one in trained for maker in _makers(history, one))


def _makers(history: RunHistory, execution: Execution | None) -> list[Execution]:
    inputs = execution.inputs if execution else ()
    return [maker for id in inputs if (maker := history.maker(id))]


def _origin(
    digest: str | None,
    executions: tuple[Execution, ...],
    node: str,
    told: str,
    digest_of: Callable[[Path], str],
) -> Origin:
    """Compares what lies where a node read it with what it read then."""
    told_paths = (e.properties.get(told) for e in executions if e.node == node)
    path = next((path for path in told_paths if isinstance(path, str)), None)
    if path is None:
        return Origin(digest, None, "unknown")
    if not Path(path).exists():
        return Origin(digest, path, "missing")
    return Origin(digest, path, _same(digest, lambda: digest_of(Path(path))))


def _same(digest: str | None, now: Callable[[], str]) -> str:
    if digest is None:
        return "unknown"
    try:
        return "same" if now() == digest else "different"
    except OSError:
        return "missing"
