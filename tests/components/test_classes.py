"""Class names: read whole, or refused with what is wrong with them."""

import json
import os
from pathlib import Path

import pytest

from components.classes import (
    CLASSES_FILE,
    DIGITS,
    check_printable,
    describe_class,
    parse_class_names,
    read_class_names,
)
from components.errors import DatasetError

NAMES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat")
NAMES += ("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def write(folder: Path, content: object) -> Path:
    file = folder / CLASSES_FILE
    file.write_text(json.dumps(content))
    return file


def test_names_are_read_in_the_order_of_the_labels(tmp_path: Path) -> None:
    write(tmp_path, NAMES)

    assert read_class_names(tmp_path, 10) == NAMES


def test_without_a_file_the_classes_are_digits(tmp_path: Path) -> None:
    assert "".join(read_class_names(tmp_path, 10)) == "0123456789"


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (NAMES[:9], "received 9"),
        ((*NAMES, "Hat"), "received 11"),
        ((*NAMES[:9], "Coat"), "received 'Coat' for labels 4 and 9"),
        ((*NAMES[:9], ""), "received '' for label 9"),
        ((*NAMES[:9], " \t"), "received ' \\t' for label 9"),
        ((*NAMES[:9], "a\x1b[31m"), "received 'a\\x1b[31m' for label 9"),
        ((*NAMES[:9], "‮boot"), "received '\\u202eboot' for label 9"),
        ((*NAMES[:9], "a\xa0b"), "received 'a\\xa0b' for label 9: NO-BREAK SPACE"),
        ((*NAMES[:9], "a\u200bb"), "for label 9: ZERO WIDTH SPACE"),
        ((*NAMES[:9], "a\tb"), "for label 9: control character 9"),
        ((*NAMES[:8], "caf\xe9", "cafe\u0301"), "for labels 8 and 9"),
        ((*NAMES[:9], "Coat "), "received 'Coat ' for labels 4 and 9"),
        ((*NAMES[:9], "x" * 81), "for label 9"),
        ((*NAMES[:9], 9), "label 9: no text"),
        (dict.fromkeys(NAMES, 1), "a value that is no list"),
        ("T-shirt/top", "a value that is no list"),
    ],
)
def test_names_that_will_not_do_are_refused(tmp_path, content, received) -> None:
    file = write(tmp_path, content)

    with pytest.raises(DatasetError) as caught:
        read_class_names(tmp_path, 10)
    message = str(caught.value)
    assert message.startswith(f"{file}: expected a JSON list of 10 class names")
    assert received in message
    assert message.endswith("remove it to call the classes 0 to 9.")


def test_bytes_that_are_no_utf8_are_named() -> None:
    """As the name of a folder comes from the file system."""
    with pytest.raises(ValueError, match="for label 1: bytes that are not UTF-8"):
        check_printable(["ant", os.fsdecode(b"caf\xe9")])


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path, NAMES)
    file.write_text(file.read_text(), encoding="utf-8-sig")

    assert read_class_names(tmp_path, 10) == NAMES


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / CLASSES_FILE).write_bytes(b"\xff[")

    with pytest.raises(DatasetError, match="Received: no JSON: "):
        read_class_names(tmp_path, 10)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="No such file or directory"):
        parse_class_names(tmp_path / "names.json", 10)


def test_a_name_stands_beside_its_label_where_it_says_more() -> None:
    assert describe_class(3, NAMES) == "3 (Dress)"
    assert describe_class(3, DIGITS) == "3"
    assert describe_class(3, tuple(reversed(DIGITS))) == "3 (6)"


def test_the_names_of_fashion_mnist_are_those_of_its_authors() -> None:
    file = Path(__file__).parents[2] / "configs" / "fashion-classes.json"

    assert parse_class_names(file, 10) == NAMES
