"""Checkpoints of a training: what lets a killed one go on after its last epoch."""

import contextlib
import itertools
import json
import logging
import secrets
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import keras
import numpy as np
from filelock import FileLock, Timeout

_FILE = "checkpoint.npz"
_STATE = "state"
# Recipes that were given up leave checkpoints behind; this many are kept.
_KEPT_RECIPES = 3
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)

History = dict[str, list[float]]
_log = logging.getLogger(__name__)


@attrs.frozen
class Progress:
    """How far a training came.

    Attributes:
      epochs: finished ones.
      stopped: early stopping has ended it.
      history: the metrics of each finished epoch, a list a metric.
    """

    epochs: int = 0
    stopped: bool = False
    history: History = attrs.Factory(dict)


class CheckpointStore:
    """The newest checkpoint of one recipe, in a folder named after its digest.

    Args:
      root: holds a folder for each recipe.
      digest: of everything that the weights depend on.
      member: which network of an ensemble.
    """

    def __init__(self, root: Path, digest: str, member: int = 0) -> None:
        self._root, self._digest = root, digest
        self._folder = root / digest / str(member)
        self._file = self._folder / _FILE

    def of_member(self, member: int) -> "CheckpointStore":
        """Returns the store of a network of an ensemble."""
        return CheckpointStore(self._root, self._digest, member)

    def save(self, arrays: Sequence[np.ndarray], state: dict[str, Any]) -> None:
        """Replaces the checkpoint at once: a kill leaves the old or the new one.

        It is not forced to the disk: what a power cut spoils is known by its
        checksums, and training starts over.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(f".{secrets.token_hex(4)}.tmp")
        named: dict[str, Any] = {str(index): one for index, one in enumerate(arrays)}
        named[_STATE] = np.array(json.dumps(state))
        with fresh.open("wb") as stream:
            np.savez(stream, **named)
        fresh.replace(self._file)

    def load(self) -> tuple[list[np.ndarray], dict[str, Any]] | None:
        """Returns what was saved; None, and a warning, where it cannot be read."""
        if not self._file.exists():
            return None
        try:
            with np.load(self._file, allow_pickle=False) as content:
                state = json.loads(str(content[_STATE]))
                names = [name for name in content.files if name != _STATE]
                return [content[name] for name in names], state
        except _DAMAGE as error:
            self.warn(f"{type(error).__name__}: {error}")
            return None

    def warn(self, reason: str) -> None:
        """Says that the checkpoint is of no use."""
        _log.warning(
            "ignored the damaged checkpoint %s (%s); training starts from scratch",
            self._file,
            reason,
        )

    def remove(self) -> None:
        """Removes those of all members, and those of recipes given up long ago.

        What a training at work has claimed stays.
        """
        shutil.rmtree(self._root / self._digest, ignore_errors=True)
        others = sorted(self._root.glob("*"), key=_last_saved)
        for folder in others[:-_KEPT_RECIPES]:
            with contextlib.suppress(Timeout), _lock(folder):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def claim_checkpoints(root: Path, digest: str) -> Iterator[CheckpointStore]:
    """Has checkpoints of a recipe alone for as long as its training lasts.

    Two trainings of one recipe at once work side by side: the one that comes second
    neither waits, resumes the checkpoint of the first nor removes it, but gets a
    folder of its own. A killed training claims nothing any more. On a network volume
    this needs the locks that publishing a model needs as well.

    Args:
      root: holds a folder for each training that may be gone on with.
      digest: of everything that the weights depend on.

    Yields:
      The checkpoint that was saved last of those that nobody is at work on, or an
      empty store.
    """
    for name in _folders_of(root, digest):
        lock = _lock(root / name)
        try:
            lock.acquire()
        except Timeout:
            _log.info(
                "another process trains this recipe, with its checkpoints in %s; this "
                "training leaves them alone",
                root / name,
            )
            continue
        try:
            yield CheckpointStore(root, name)
        finally:
            lock.release()
        return


def _folders_of(root: Path, digest: str) -> Iterator[str]:
    """Yields names of folders for a recipe without end, best to go on with first."""
    found = sorted(root.glob(f"{digest}*"), key=_last_saved, reverse=True)
    saved = [folder.name for folder in found]
    yield from saved
    for name in itertools.chain(
        [digest], (f"{digest}-{number}" for number in itertools.count(1))
    ):
        if name not in saved:
            yield name


def _lock(folder: Path) -> FileLock:
    """Returns the lock of a folder of checkpoints, which does not wait.

    Its file lies outside and stays: to remove a lock file that others may have open
    would let two of them hold it.
    """
    locks = folder.parent.with_name(f".{folder.parent.name}-locks")
    return FileLock(locks / folder.name, timeout=0)


def _last_saved(recipe: Path) -> float:
    """When a checkpoint of a recipe was last saved; 0 where there is none."""
    times = (file.stat().st_mtime for file in recipe.glob(f"*/{_FILE}"))
    return max(times, default=0.0)


class Checkpoints(keras.callbacks.Callback):
    """Saves weights, optimizer, random state and history after each epoch.

    It must come after ``stopping`` in the list of callbacks.

    Args:
      store: where to.
      model: compiled, its optimizer built.
      stopping: early stopping, whose state is saved as well; or None.
    """

    def __init__(
        self,
        store: CheckpointStore,
        model: keras.Model,
        stopping: keras.callbacks.EarlyStopping | None,
    ) -> None:
        super().__init__()
        self._store = store
        # Seeds of dropout are among the variables of the model.
        self._variables = [*model.variables, *model.optimizer.variables]
        self._stopping = stopping
        self._stopping_state: dict[str, Any] = {}
        self.progress = Progress()

    def restore(self) -> Progress:
        """Sets the variables to those of the checkpoint, if there is a good one."""
        loaded = self._store.load()
        if loaded is None:
            return self.progress
        arrays, state = loaded
        count = len(self._variables)
        weights, best = arrays[:count], arrays[count:]
        expected = [tuple(variable.shape) for variable in self._variables]
        if expected != [array.shape for array in weights]:
            self._store.warn("it holds other variables")
            return self.progress
        for variable, array in zip(self._variables, weights, strict=True):
            variable.assign(array)
        self._stopping_state = {**state["stopping"], "best_weights": best or None}
        self.progress = Progress(**state["progress"])
        _log.info("go on after epoch %d, from a checkpoint", self.progress.epochs)
        return self.progress

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Sets early stopping back to where it was."""
        if self._stopping is not None:
            for name, value in self._stopping_state.items():
                setattr(self._stopping, name, value)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the epoch to the history and saves."""
        history = {
            name: [*self.progress.history.get(name, []), float(value)]
            for name, value in (logs or {}).items()
        }
        self.progress = Progress(epoch + 1, bool(self.model.stop_training), history)
        stopping, best = self._stopping_now()
        self._store.save(
            [*(variable.numpy() for variable in self._variables), *best],
            {"progress": attrs.asdict(self.progress), "stopping": stopping},
        )

    def _stopping_now(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        if self._stopping is None:
            return {}, []
        names = ("wait", "best", "best_epoch")
        state = {name: getattr(self._stopping, name) for name in names}
        return state, self._stopping.best_weights or []
