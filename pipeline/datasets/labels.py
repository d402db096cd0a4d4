"""Turns what a data set has as a label into the number of a class."""

import numbers
from collections.abc import Sequence
from pathlib import Path

from components.classes import DIGITS
from components.errors import DatasetError
from pipeline.datasets.findings import some

# As tables call the column of the label, the first that is there.
LABEL_COLUMNS = ("label", "labels", "class", "target", "digit", "y")


def label_column(file: Path, columns: Sequence[str], given: str | None) -> str:
    """Returns the name of the column that holds the label.

    Args:
        file: named in errors.
        columns: the names of all columns.
        given: by the user, if at all.

    Raises:
        DatasetError: there is no such column, or two columns have one name.
    """
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise DatasetError(
            f"{file}: expected columns of different names, received twice: "
            f"{some(doubled)}. Rename or remove one of each."
        )
    lower = {name.strip().lower(): name for name in reversed(columns)}
    wanted = LABEL_COLUMNS if given is None else ()
    for name in wanted:
        if name in lower:
            return lower[name]
    if given is not None and given in columns:
        return given
    what = f"a column {given}" if given else f"a column {LABEL_COLUMNS[0]}"
    raise DatasetError(
        f"{file}: expected {what} with the label, received {some(columns)}. Name the "
        "column with --label; a file without labels cannot be converted."
    )


def label_of(value: object, classes: Sequence[str]) -> int:
    """Returns the label that a value is: a whole number or the name of a class.

    Args:
        value: a number, text or bytes of text.
        classes: the names, in the order of the labels.

    Raises:
        ValueError: it is neither; says what was expected and received.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return _parse(value, classes)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        number = float(value)
        if number.is_integer():
            return int(number)
    raise ValueError(f"expected a whole number as label, received {_shown(value)}")


def _parse(text: str, classes: Sequence[str]) -> int:
    text = text.strip()
    if text in classes and tuple(classes) != DIGITS:
        return list(classes).index(text)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number.is_integer():
        return int(number)
    names = (
        "a whole number as label, since no class has a name (--classes names them)"
        if tuple(classes) == DIGITS
        else "a whole number or the name of a class as label"
    )
    raise ValueError(f"expected {names}, received {_shown(text)}")


def _shown(value: object) -> str:
    return "none" if value is None or value == "" else repr(value)[:60]
