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
from components.image_spec import MNIST
from components.plain_errors import plain_problems

CLASSES_FILE = "classes.json"
_LONGEST = 80


def default_names(classes: int) -> tuple[str, ...]:
    """Returns the labels as names: "0", "1" and so on."""
    return tuple(map(str, range(classes)))


DIGITS = default_names(MNIST.classes)


def check_class_names(names: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """Returns the names, in the order of the labels, if they can name the classes.

    Raises:
      ValueError: another number of names, or :func:`check_printable` refuses one.
    """
    if len(names) != classes:
        raise ValueError(
            f"expected {classes} names, since exactly {classes} classes are "
            f"supported, received {len(names):,}"
        )
    return check_printable(names)


def check_printable(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the names if they can be shown and told apart.

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
    return names


def _odd_character(name: str) -> str:
    """Names the first character that is not seen: ``: NO-BREAK SPACE``."""
    odd = next((c for c in name if not c.isprintable()), None)
    if odd is None:
        return ""
    if "\udc80" <= odd <= "\udcff":
        return ": bytes that are not UTF-8"
    return f": {unicodedata.name(odd, f'control character {ord(odd)}')}"


ClassNames = Annotated[tuple[str, ...], AfterValidator(check_printable)]
_NAMES = TypeAdapter(ClassNames, config=ConfigDict(strict=True))


def read_class_names(folder: Path, classes: int) -> tuple[str, ...]:
    """Returns the names of a data folder; the labels where it holds none.

    Args:
      folder: holds the splits and, beside them, ``classes.json``.
      classes: how many there are.

    Raises:
      DatasetError: ``classes.json`` is not a JSON list of names that will do.
    """
    file = folder / CLASSES_FILE
    return parse_class_names(file, classes) if file.exists() else default_names(classes)


def parse_class_names(file: Path, classes: int) -> tuple[str, ...]:
    """Returns the names in a file.

    Raises:
      DatasetError: as :func:`read_class_names`, or the file cannot be read.
    """
    try:
        content = file.read_bytes().removeprefix(codecs.BOM_UTF8)
        return check_class_names(_NAMES.validate_json(content), classes)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{file}: expected a JSON list of {classes} class names, in the order "
            f"of the labels. Received: {_reason(error)}. Correct the file, or remove "
            f"it to call the classes 0 to {classes - 1}."
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


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if not isinstance(error, ValidationError):
        return str(error)
    where = "label " if error.errors()[0]["loc"] else ""
    return where + plain_problems(error)
