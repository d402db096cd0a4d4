"""Noise goes to the log, what is meant for people to the screen, whatever happens.

``quiet`` works on the descriptors of a process, so each case is a process of its own.
"""

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from components.checkout import PROJECT_ROOT
from pipeline.run.screen import NodeScreen, NoteHandler

pytestmark = pytest.mark.slow

NOISE = """
os.write(1, b"raw 1\\n")
os.write(2, b"raw 2\\n")
os.system("echo from a child; echo its error >&2")
print("printed")
print("printed as error", file=sys.stderr)
logging.getLogger("some.library").info("logged at info")
logging.getLogger("some.library").debug("logged at debug")
"""
LINES = (
    "raw 1",
    "raw 2",
    "from a child",
    "its error",
    "printed",
    "printed as error",
)


@attrs.frozen
class Said:
    """What a process said, by place."""

    code: int
    out: str
    err: str
    log: str


def in_quiet(folder: Path, body: str, *, verbose: bool = False, after="") -> Said:
    """Runs ``body`` inside ``quiet`` and ``after`` behind it."""
    log = folder / "logs" / "run.log"
    indented = "".join(f"    {line}\n" for line in body.strip().splitlines())
    script = (
        "import logging, os, sys\n"
        "from pathlib import Path\n"
        "from pipeline.run.screen import quiet\n"
        f"with quiet(Path({str(log)!r}), verbose={verbose}) as (out, err):\n"
        f"{indented}"
        f"{after}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Said(done.returncode, done.stdout, done.stderr, log.read_text())


def test_all_noise_goes_to_the_log(tmp_path: Path) -> None:
    said = in_quiet(tmp_path, NOISE)

    assert (said.code, said.out, said.err) == (0, "", "")
    lines = said.log.splitlines()
    for line in LINES:
        assert lines.count(line) == 1
    assert sum("I some.library: logged at info" in line for line in lines) == 1
    assert "logged at debug" not in said.log


def test_what_is_meant_for_people_reaches_the_screen(tmp_path: Path) -> None:
    said = in_quiet(tmp_path, "print('result', file=out)\nprint('note', file=err)")

    assert (said.out, said.err, said.log) == ("result\n", "note\n", "")


def test_afterwards_output_is_what_it_was(tmp_path: Path) -> None:
    said = in_quiet(
        tmp_path,
        "print('inside')",
        after="print('printed')\nsys.stdout.flush()\nos.write(2, b'raw')\n"
        "os.system('echo child')",
    )

    assert (said.out, said.err) == ("printed\nchild\n", "raw")
    assert said.log == "inside\n"


def test_output_of_before_stays_outside(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    script = (
        "import sys\nfrom pathlib import Path\nfrom pipeline.run.screen import quiet\n"
        "sys.stdout.write('before ')\n"
        f"with quiet(Path({str(log)!r}), verbose=False):\n    print('inside')\n"
        "print('after')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout == "before after\n"
    assert log.read_text() == "inside\n"


def test_an_exception_leaves_output_as_it_was(tmp_path: Path) -> None:
    said = in_quiet(tmp_path, "print('inside')\nraise RuntimeError('too bad')")

    assert said.code == 1
    assert said.err.strip().endswith("RuntimeError: too bad")
    assert (said.out, said.log) == ("", "inside\n")


def test_a_log_is_continued(tmp_path: Path) -> None:
    in_quiet(tmp_path, "print('first')")

    assert in_quiet(tmp_path, "print('second')").log == "first\nsecond\n"


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    said = in_quiet(
        tmp_path,
        "before = len(os.listdir('/dev/fd'))",
        after="print(before - len(os.listdir('/dev/fd')))",
    )

    # Inside there are two saved descriptors and the log.
    assert said.out == "3\n"


def test_verbose_copies_all_noise_to_standard_error(tmp_path: Path) -> None:
    said = in_quiet(tmp_path, NOISE + "print('result', file=out)", verbose=True)

    assert said.code == 0
    assert said.out == "result\n"
    assert said.err == said.log
    for line in LINES:
        assert said.log.splitlines().count(line) == 1


def test_verbose_copies_the_last_words_before_an_exception(tmp_path: Path) -> None:
    body = "os.write(1, b'last words\\n')\nraise RuntimeError('too bad')"
    said = in_quiet(tmp_path, body, verbose=True)

    assert said.err.startswith("last words\n")
    assert said.err.strip().endswith("RuntimeError: too bad")


def test_a_log_that_is_full_hides_nothing_and_stops_nothing() -> None:
    script = (
        "import logging, os, sys\n"
        "from pathlib import Path\n"
        "from pipeline.run.screen import quiet\n"
        "with quiet(Path('/dev/full'), verbose=False) as (out, err):\n"
        "    print('noise' * 10_000)\n"
        "    print('noise', file=sys.stderr)\n"
        "    logging.getLogger('some.library').warning('noise')\n"
        "    sys.stdout.flush()\n"
        "    print('result', file=out)\n"
        "    print('what a person reads', file=err)\n"
        "print('after')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "result\nafter\n"
    assert done.stderr == "what a person reads\n"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(stream: io.StringIO) -> NodeScreen:
    return NodeScreen(stream)


def test_a_node_is_one_plain_line_when_it_ends(screen, stream) -> None:
    for title, state, seconds in (
        ("ExampleGen", "done", 3.21),
        ("Transform", "cached", 0.04),
        ("Trainer", "failed", 123.45),
        ("Pusher", "not run", 0.0),
    ):
        if state != "not run":
            screen.start(title)
        screen.end(title, state, seconds)

    assert stream.getvalue().splitlines() == [
        "  ExampleGen           done        3.2 s",
        "  Transform            cached      0.0 s",
        "  Trainer              failed    123.5 s",
        "  Pusher               not run",
    ]


def test_a_plain_line_is_never_folded(screen, stream) -> None:
    screen.note("x" * 500)
    screen.print("y" * 500)

    assert stream.getvalue() == "    " + "x" * 500 + "\n" + "y" * 500 + "\n"


def test_a_note_shows_brackets_as_they_are(screen, stream) -> None:
    screen.note("shape [28, 28], [red]not red[/]")

    assert stream.getvalue() == "    shape [28, 28], [red]not red[/]\n"


def test_a_step_is_done(screen, stream) -> None:
    with screen.step("report"):
        pass

    assert stream.getvalue().split()[:2] == ["report", "done"]


def test_a_step_that_raises_has_failed(screen, stream) -> None:
    with pytest.raises(KeyError), screen.step("report"):
        raise KeyError

    assert stream.getvalue().split()[:2] == ["report", "failed"]


def test_log_records_of_our_components_become_notes(screen, stream) -> None:
    logger = logging.Logger("components.something", logging.DEBUG)
    logger.addHandler(NoteHandler(screen))
    logger.debug("too much")
    logger.info("read %d examples", 7)

    assert stream.getvalue() == "    read 7 examples\n"


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_running_node_and_then_its_result(monkeypatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    screen = NodeScreen(stream)
    screen.start("Trainer")
    running = stream.getvalue()
    screen.end("Trainer", "done", 1.5)

    assert "Trainer" in running
    assert "done" not in running
    assert "\x1b[32mdone" in stream.getvalue()
    assert "1.5 s" in stream.getvalue()
