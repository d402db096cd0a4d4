"""What a person sees while a run goes on, and where the noise goes instead."""

import contextlib
import errno
import io
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from pipeline.reporting.text import terminal

if TYPE_CHECKING:
    from typing_extensions import Buffer

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
        _stream(_Leaving, saved[0], sys.stdout.encoding, sys.stdout.errors) as out,
        _stream(_Leaving, saved[1], sys.stderr.encoding, sys.stderr.errors) as err,
        log.open("ab", buffering=0) as sink,
        _following(log, saved[1]) if verbose else contextlib.nullcontext(),
    ):
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (
            _stream(_Lossy, number, "utf-8", "backslashreplace") for number in (1, 2)
        )
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_FORMAT))
        root = logging.getLogger()
        level, handlers = root.level, root.handlers[:]
        root.setLevel(logging.INFO)
        root.handlers[:] = [handler]
        try:
            yield out, err
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = streams
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
    for descriptor in saved:
        os.close(descriptor)


def _stream(
    kind: type[io.FileIO], descriptor: int, encoding: str, errors: str | None
) -> TextIO:
    """Opens a descriptor, which is not closed with it, to write lines."""
    raw = io.BufferedWriter(kind(descriptor, "w", closefd=False))
    return io.TextIOWrapper(raw, encoding, errors, line_buffering=True)


class _Leaving(io.FileIO):
    """A stream whose reader may leave: a terminal is closed, ``head`` has enough.

    The run goes on, or ends, with its report all the same.
    """

    def write(self, data: "Buffer", /) -> int:
        """Writes, and says that all was written where nobody reads any more."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO):
                raise
            return memoryview(data).nbytes


class _Lossy(io.FileIO):
    """A file that loses what it has no room for.

    Where the log's disk is full, a failing log must not hide what filled it.
    """

    def write(self, data: "Buffer", /) -> int:
        """Writes what can be written and says that all was."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


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
        self._console = terminal(stream)
        self._progress: Progress | None = None

    def print(self, text: str) -> None:
        """Prints a line, in rich's markup."""
        self._console.print(text)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Shows a step that is no node, like loading libraries."""
        started = time.monotonic()
        state = "failed"
        self.start(title)
        try:
            yield
            state = "done"
        finally:
            self.end(title, state, time.monotonic() - started)

    def start(self, title: str) -> None:
        """A node starts; a terminal shows it with a clock until it ends."""
        if self._console.is_terminal:
            self._progress = Progress(
                SpinnerColumn("line" if self._console.options.ascii_only else "dots"),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
                # What libraries print is for the log, never for the screen.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._progress.add_task(f"{title:<20}", total=None)
            self._progress.start()

    def end(self, title: str, state: str, seconds: float) -> None:
        """A node ended."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        colour = {"failed": "red", "cached": "cyan", "done": "green"}.get(state, "dim")
        line = f"  {title:<20} [{colour}]{state}[/]"
        if state != "not run":
            line += f"{seconds:{15 - len(state)}.1f} s"
        self._console.print(line)

    def note(self, text: str) -> None:
        """Something happened inside the node that is running."""
        # As markup: a style would be that of the running node's line as well.
        self._console.print(f"    [dim]{escape(text)}[/]")


@contextlib.contextmanager
def notes_on(screen: NodeScreen) -> Iterator[None]:
    """Shows on a screen, within, what our own components log."""
    handler, logger = NoteHandler(screen), logging.getLogger("components")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class NoteHandler(logging.Handler):
    """Shows what our own components log on the screen."""

    def __init__(self, screen: NodeScreen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        """Shows one line of the log."""
        self._screen.note(record.getMessage())
