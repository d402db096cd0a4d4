"""The same behaviour in every locale: UTF-8 inside, on the screen what it can show."""

import codecs
import os
import sys
import unicodedata
from typing import Any

# How a screen that cannot show them shows what we print.
_PLAIN = {
    "✓": "+",
    "✗": "x",
    "…": "...",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "×": "x",
    "−": "-",
    "–": "-",
    "—": "-",
    "²": "2",
    "─": "-",
    "━": "-",
    "│": "|",
}
ERRORS = "plain-characters"


def be_independent_of_locale() -> None:
    """Starts this process again in Python's UTF-8 mode where it is in another one.

    Libraries open files without naming an encoding, and paths given on the command
    line reach them as UTF-8. Streams keep the encoding of the terminal; what it cannot
    show is printed in plain characters.
    """
    if not sys.flags.utf8_mode and sys.getfilesystemencoding() != "utf-8":
        _start_again_in_utf8()
    print_plain_characters()


def print_plain_characters() -> None:
    """Makes both output streams replace what their encoding lacks."""
    codecs.register_error(ERRORS, _replace)
    streams: tuple[Any, Any] = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(errors=ERRORS)


def _start_again_in_utf8() -> None:
    # With -X utf8=0 it would start again for ever.
    if os.environ.get("PYTHONUTF8") == "1":
        return
    environment = {
        "PYTHONIOENCODING": f"{sys.stdout.encoding}:backslashreplace",
        **os.environ,
        "PYTHONUTF8": "1",
    }
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    """Stands in for characters that an encoding lacks; registered with codecs."""
    if not isinstance(error, UnicodeEncodeError):
        return codecs.backslashreplace_errors(error)
    lacking = error.object[error.start : error.end]
    return "".join(map(_plain, lacking)), error.end


def _plain(character: str) -> str:
    if character in _PLAIN:
        return _PLAIN[character]
    if unicodedata.category(character) == "So":  # a spinner's Braille, a block
        return "*"
    return character.encode("ascii", "backslashreplace").decode()
