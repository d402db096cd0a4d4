"""The screen of a run on a real terminal, where pipes and strings are no test."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT

pytestmark = pytest.mark.slow

NOISE = "You are using a non-supported Python version"
SCRIPT = """
import logging, os, sys, time, warnings
from pathlib import Path
from rich.table import Table
from pipeline.environment.locale_independence import be_independent_of_locale
from pipeline.reporting.text import terminal
from pipeline.run.screen import NodeScreen, quiet

be_independent_of_locale()
noise = sys.argv[2]
with quiet(Path(sys.argv[1]), verbose=False) as (out, err):
    screen = NodeScreen(err)
    with screen.step("load"):
        warnings.warn(noise + " 1", FutureWarning)
    screen.start("Trainer")
    time.sleep(0.3)
    warnings.warn(noise + " 2", FutureWarning)
    print(noise, 3)
    print(noise, 4, file=sys.stderr)
    os.write(1, f"{noise} 5\\n".encode())
    os.write(2, f"{noise} 6\\n".encode())
    os.system(f"echo '{noise} 7'; echo '{noise} 8' >&2")
    logging.getLogger("some.library").warning(noise + " 9")
    screen.note("epoch 1/6  [shape]  " + "x" * 60)
    time.sleep(0.3)
    screen.end("Trainer", "done", 1.5)
    table = Table(*(f"column {n}" for n in range(9)), box=None)
    table.add_row(*(f"cell {n}" for n in range(9)))
    terminal(out).print(table)
    terminal(out).print("[green]\\u2713[/] the end")
"""


def on_terminal(folder: Path, columns: int, **env: str) -> str:
    """Runs the script with a terminal as its three streams; returns all it shows."""
    main, ours = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder / "log"), NOISE],
        stdin=ours,
        stdout=ours,
        stderr=ours,
        cwd=PROJECT_ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT_ROOT),
            "TERM": "xterm-256color",
            "COLUMNS": str(columns),
            "LANG": "C.UTF-8",
            **env,
        },
    )
    os.close(ours)
    shown = b""
    while True:
        try:
            read = os.read(main, 1 << 16)
        except OSError:  # the last one that had it open has ended
            break
        if not read:
            break
        shown += read
    os.close(main)
    assert process.wait(timeout=60) == 0, shown
    return shown.decode()


@pytest.mark.parametrize("columns", [80, 40])
def test_nothing_foreign_is_on_the_screen_and_all_of_it_in_the_log(tmp_path, columns):
    shown = on_terminal(tmp_path, columns)
    assert NOISE not in shown
    assert all(f"cell {n}" in shown for n in range(9))
    assert "Warning" not in shown
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert {int(n) for n in re.findall(rf"{NOISE} (\d)", log)} == set(range(1, 10))


def test_what_is_meant_for_people_is_there_in_order(tmp_path):
    shown = on_terminal(tmp_path, 80)
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown)
    places = [
        plain.index(text)
        for text in (
            "load                 done",
            "⠋ Trainer",
            "    epoch 1/6  [shape]  " + "x" * 60,
            "  Trainer              done        1.5 s",
            "✓ the end",
        )
    ]
    assert places == sorted(places)
    # The cursor that the spinner hides is back.
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") > 0


def test_a_note_does_not_dim_the_line_of_the_running_node(tmp_path):
    assert "\x1b[2;32m" not in on_terminal(tmp_path, 80)


def test_without_colour(tmp_path):
    shown = on_terminal(tmp_path, 80, NO_COLOR="1")
    assert not re.search(r"\x1b\[[\d;]*3\dm", shown)
    assert "done        1.5 s" in shown


def test_a_dumb_terminal_gets_plain_lines(tmp_path):
    shown = on_terminal(tmp_path, 80, TERM="dumb")
    assert "\x1b" not in shown
    assert "  Trainer              done        1.5 s" in shown


def test_a_terminal_that_lacks_characters_gets_others(tmp_path):
    shown = on_terminal(tmp_path, 80, PYTHONIOENCODING="ascii")
    assert shown.isascii()
    assert "+\x1b[0m the end" in shown
    assert re.search(r"[-\\|/]\x1b\[0m Trainer", shown)
