"""What a person sees while a run goes on, and where the noise goes instead."""

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_FORMAT = "%(asctime)s %(levelname).1s %(name)s: %(message)s"


@contextlib.contextmanager
def quiet(log: Path, verbose: bool) -> Iterator[tuple[TextIO, TextIO]]:
    """Sends all that this process prints to a log file.

    File descriptors are redirected, since TensorFlow's C++ writes to them directly.

    Args:
      log: the file to write; its folder is made.
      verbose: also show everything on the standard error stream.

    Yields:
      The real standard output and standard error, for what is meant for people.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "1")
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(1), os.dup(2)]
    with (
        open(saved[0], "w", closefd=False) as out,
        open(saved[1], "w", closefd=False) as err,
        log.open("ab", buffering=0) as sink,
        _following(log, saved[1]) if verbose else contextlib.nullcontext(),
    ):
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_FORMAT))
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        try:
            yield out, err
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
    for descriptor in saved:
        os.close(descriptor)


@contextlib.contextmanager
def _following(log: Path, descriptor: int) -> Iterator[None]:
    """Copies what is added to a file to a descriptor, as ``tail -f`` does.

    A pipe could fill up and block a writer that holds the interpreter's lock.
    """
    stop = threading.Event()

    def follow() -> None:
        with log.open("rb") as source:
            while True:
                last = stop.is_set()
                os.write(descriptor, source.read())
                if last:
                    return
                time.sleep(0.2)

    log.touch()
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class NodeScreen:
    """Shows each node with its state and seconds: live, or as plain lines."""

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, highlight=False)
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[note]}[/]"),
            console=self.console,
        )
        self._task = None

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Shows a step that is no node, like loading libraries."""
        started = time.monotonic()
        self.start(title)
        yield
        self.end(title, "done", time.monotonic() - started)

    def start(self, node_id: str) -> None:
        """A node starts."""
        if self.console.is_terminal:
            self._progress.start()
            self._task = self._progress.add_task(f"{node_id:<18}", total=1, note="")

    def end(self, node_id: str, state: str, seconds: float) -> None:
        """A node ended."""
        colour = {"failed": "red", "cached": "cyan", "done": "green"}.get(state, "dim")
        if self._task is not None:
            self._progress.stop()
            self._progress.remove_task(self._task)
            self._task = None
        took = "" if state == "not run" else f"{seconds:7.1f} s"
        self.console.print(f"  {node_id:<18} [{colour}]{state:<8}[/]{took}")

    def note(self, text: str) -> None:
        """Something happened inside the node that is running."""
        if self._task is not None:
            self._progress.update(self._task, note=text)
        else:
            self.console.print(f"    {text}", style="dim")


class NoteHandler(logging.Handler):
    """Shows what our own components log on the screen."""

    def __init__(self, screen: NodeScreen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Shows one record."""
        self._screen.note(record.getMessage())
