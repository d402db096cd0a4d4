"""What serves at the end of a run, held against what the run says that it pushed."""

from pathlib import Path
from typing import Any

import attrs
from tfx.utils.path_utils import serving_model_path

from components.errors import PipelineError
from components.publishing.manifest import digests
from components.publishing.pushes import REPLACES
from components.publishing.serving import Serving, find_serving
from components.publishing.store import ModelStore
from pipeline.metadata.lineage import RunLineage


@attrs.frozen
class Publication:
    """What a run that pushed can say of the version that serves.

    Attributes:
      version: that serves; None where none does.
      path: of its folder.
      run_id: that made its model.
      rollback_of: the version that it is a copy of, if it is one.
      state: ``published`` by this run, ``kept`` where its model served before,
        ``rolled_back`` where an older one serves on purpose, ``superseded`` where
        another run published later.
      text: what a person is told, whole sentences; empty where the state is all.
      problem: why no model can be said to be pushed; empty where one can.
    """

    version: int | None
    path: Path | None
    run_id: str | None
    rollback_of: int | None
    state: str
    text: str
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns the content of ``serving`` in ``summary.json``."""
        return {
            "version": self.version and str(self.version),
            "path": self.path and str(self.path),
            "run_id": self.run_id,
            "rollback_of": self.rollback_of and str(self.rollback_of),
            "state": self.state,
            "text": self.text,
        }


def read_publication(
    serving_folder: Path, lineage: RunLineage, published: bool
) -> Publication | None:
    """Says what serves after a run whose Pusher pushed, or had before.

    Args:
      serving_folder: of the model store.
      lineage: of the run.
      published: whether the Pusher ran, and was not cached.

    Returns:
      None where the run pushed nothing.
    """
    pushed = lineage.output("Pusher", "pushed_model")
    if pushed is None or pushed.properties.get("pushed") != 1:
        return None
    store = ModelStore(serving_folder)
    version = int(pushed.properties["pushed_version"])
    serving = find_serving(store)
    if serving is None:
        return _lost(f"no version in {store.base}")
    if serving.manifest and serving.holds(_files(lineage)):
        # The Pusher finds what is there already, with the same manifest.
        published = published and serving.manifest.run_id == lineage.run_id
        replaced = pushed.properties.get(REPLACES) if published else None
        text = _again(store, str(replaced), serving) if replaced else ""
        return _said(serving, "published" if published else "kept", text)
    if serving.manifest is None or serving.problem:
        return _lost(f"version {serving.version}, not whole: {serving.problem}")
    if serving.rollback:
        return _said(serving, "rolled_back", _on_purpose(store, serving, version))
    by = f" of run {serving.manifest.run_id}"
    text = f"Version {serving.version}{by} was published later and serves."
    if version not in store.versions():
        return _lost(f"version {serving.version}{by}")
    return _said(serving, "superseded", text)


def _files(lineage: RunLineage) -> dict[str, str]:
    model = lineage.output("Trainer", "model")
    export = Path(serving_model_path(model.uri)) if model else None
    return digests(export) if export and export.is_dir() else {}


def _said(serving: Serving, state: str, text: str) -> Publication:
    assert serving.manifest
    return Publication(
        version=serving.version,
        path=serving.path,
        run_id=serving.manifest.run_id,
        rollback_of=serving.original if serving.rollback else None,
        state=state,
        text=text,
    )


def _lost(received: str) -> Publication:
    problem = (
        f"Expected the pushed model to serve. Received: {received}. Run again, which "
        "publishes it anew."
    )
    return Publication(None, None, None, None, "lost", "", problem)


def _again(store: ModelStore, replaced: str, serving: Serving) -> str:
    """Says why a model was published that had been before."""
    before = find_serving(store, before=serving.version)
    if before and serving.manifest and before.holds(serving.manifest.files):
        return (
            f"Published again with what the gates say now: version {before.version}, "
            "which served before, is the same model."
        )
    version = int(replaced)
    if version not in store.versions():
        reason = "is gone"
    else:
        try:
            reason = "is not whole" if store.verify(version) else "no longer served"
        except PipelineError:
            reason = "is not whole"
    return f"Published again, because version {version} of this model {reason}."


def _on_purpose(store: ModelStore, serving: Serving, version: int) -> str:
    back = (
        f"'mnist-pipeline models rollback {version}' serves it again"
        if version in store.versions()
        else "'mnist-pipeline run --rebaseline' publishes it anew"
    )
    return (
        f"Version {serving.version} serves on purpose, a copy of version "
        f"{serving.original} after a rollback, so nothing was published. The model of "
        f"this run was version {version}; {back}."
    )
