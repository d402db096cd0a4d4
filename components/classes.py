"""Class names: ``classes.json`` beside the records, and what may stand in it.

The wiring reads the file for each run; the manifest of a pushed model keeps the names.
"""

import codecs
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from components.errors import DatasetError
from components.features import NUM_CLASSES
from components.plain_errors import plain_problems

CLASSES_FILE = "classes.json"
DIGITS = tuple(str(digit) for digit in range(NUM_CLASSES))
_LONGEST = 80


def check_class_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names, in the order of the labels, if they can name the classes.

    Raises:
      ValueError: they are not 10 names, or :func:`check_printable` refuses one.
    """
    if len(names) != NUM_CLASSES:
        raise ValueError(
            f"expected {NUM_CLASSES} names, since exactly {NUM_CLASSES} classes are "
            f"supported, received {len(names):,}"
        )
    check_printable(names)
    return names


def check_printable(names: Sequence[str]) -> None:
    """Refuses names that cannot be shown or told apart.

    Raises:
      ValueError: one is blank, longer than 80 characters, holds a character that is
        not seen, like a no-break space, or looks like another one.
    """
    seen: dict[str, int] = {}
    for label, name in enumerate(names):
        if not name.strip() or not name.isprintable() or len(name) > _LONGEST:
            raise ValueError(
                f"expected printable names of 1 to {_LONGEST} characters, received "
                f"{name[:_LONGEST]!a} for label {label}{_odd_character(name)}"
            )
        # An accent may be a character of its own or not, as on macOS.
        same = seen.setdefault(unicodedata.normalize("NFC", name.strip()), label)
        if same != label:
            raise ValueError(
                f"expected distinct names, received {name!r} for labels "
                f"{same} and {label}"
            )


def _odd_character(name: str) -> str:
    """Names the first character that is not seen: ``: NO-BREAK SPACE``."""
    odd = next((c for c in name if not c.isprintable()), None)
    if odd is None:
        return ""
    if "\udc80" <= odd <= "\udcff":
        return ": bytes that are not UTF-8"
    return f": {unicodedata.name(odd, f'control character {ord(odd)}')}"


ClassNames = Annotated[tuple[str, ...], AfterValidator(check_class_names)]
_NAMES = TypeAdapter(ClassNames, config=ConfigDict(strict=True))


def read_class_names(folder: Path) -> tuple[str, ...]:
    """Returns the 10 names of a data folder; "0" to "9" where it holds none.

    Args:
      folder: holds the splits and, beside them, ``classes.json``.

    Raises:
      DatasetError: ``classes.json`` is not a JSON list of names that will do.
    """
    file = folder / CLASSES_FILE
    return parse_class_names(file) if file.exists() else DIGITS


def parse_class_names(file: Path) -> tuple[str, ...]:
    """Returns the names in a file.

    Raises:
      DatasetError: as :func:`read_class_names`, or the file cannot be read.
    """
    try:
        return _NAMES.validate_json(file.read_bytes().removeprefix(codecs.BOM_UTF8))
    except (OSError, ValidationError) as error:
        raise DatasetError(
            f"{file}: expected a JSON list of {NUM_CLASSES} class names, in the order "
            f"of the labels. Received: {_reason(error)}. Correct the file, or remove "
            f"it to call the classes {DIGITS[0]} to {DIGITS[-1]}."
        ) from error


def write_class_names(folder: Path, names: Sequence[str]) -> None:
    """Writes ``classes.json`` into a folder."""
    text = json.dumps(list(names), indent=2, ensure_ascii=False)
    (folder / CLASSES_FILE).write_text(text + "\n", encoding="utf-8")


def describe_class(label: int, classes: Sequence[str]) -> str:
    """Returns a label with its name beside it, where that says more: ``3 (Dress)``."""
    name = classes[label]
    return name if name == str(label) else f"{label} ({name})"


def class_word(classes: Sequence[str]) -> str:
    """Returns what to call a class: "digit" where all are digits, else "class"."""
    return "digit" if tuple(classes) == DIGITS else "class"


def _reason(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    where = "label " if error.errors()[0]["loc"] else ""
    return where + plain_problems(error)
