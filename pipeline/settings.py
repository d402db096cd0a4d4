"""Every setting with its type in words and what it means, read off the configuration.

``mnist-pipeline settings`` lists them; ``config`` says with them what was expected.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from pydantic import TypeAdapter

# Not told by a file or by --set, but by the option --preset.
_PRESET = "preset"
_BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
}
_KINDS = {
    "integer": ("an integer", "integers"),
    "number": ("a number", "numbers"),
    "string": ("text", "texts"),
    "boolean": ("true or false", "of true and false"),
}
_ATTRIBUTE = re.compile(r"^  (\w+): (.*(?:\n {3,}.*)*)", re.M)


@attrs.frozen
class Setting:
    """One setting.

    Attributes:
      key: dotted, as in a file or in ``--set``.
      expected: what it may be, in words.
      choices: the values, where they are few.
      meaning: a sentence.
    """

    key: str
    expected: str
    choices: tuple[str, ...]
    meaning: str


def settings_of(kind: type) -> list[Setting]:
    """Returns the settings of a configuration class, table by table.

    Args:
      kind: a pydantic dataclass whose docstring has a section ``Attributes:``.
    """
    schema = TypeAdapter(kind).json_schema()
    return list(_settings(schema, schema.get("$defs", {}), ""))


def _settings(
    schema: Mapping[str, Any], tables: Mapping[str, Any], prefix: str
) -> Iterator[Setting]:
    meanings = _meanings(schema.get("description", ""))
    found = list(schema["properties"].items())
    # As in a TOML file, a table comes after what belongs to none of its own.
    for name, value in sorted(found, key=lambda item: _table(item[1]) is not None):
        key = f"{prefix}{name}"
        if table := _table(value):
            yield from _settings(tables[table], tables, f"{key}.")
        elif key != _PRESET:
            yield Setting(
                key,
                in_words(value),
                tuple(_set(value).get("enum", ())),
                meanings.get(name, ""),
            )


def _table(value: Mapping[str, Any]) -> str | None:
    """Returns the name of the class of a table, or None where the value is none."""
    reference = value.get("$ref") or value.get("allOf", [{}])[0].get("$ref")
    return reference.rpartition("/")[2] if reference else None


def _meanings(docstring: str) -> dict[str, str]:
    """Returns attribute → its text in the section ``Attributes:``, in one line."""
    _, _, section = docstring.partition("Attributes:\n")
    return {
        name: " ".join(text.replace("``", "").split()).rstrip(".")
        for name, text in _ATTRIBUTE.findall(section)
    }


def in_words(value: Mapping[str, Any]) -> str:
    """Says what a value of a JSON schema may be, like ``an integer ≥ 1``."""
    if (given := _set(value)) is not value:
        return f"{in_words(given)}, or left out"
    if "description" in value:
        return value["description"]
    if "enum" in value:
        return f"one of {', '.join(map(str, value['enum']))}"
    kind = value.get("type")
    if kind == "array":
        at_least = "one or more " if value.get("minItems") else ""
        return f"a list of {at_least}{_many(value['items'])}"
    if kind not in _KINDS:
        return "a table"
    if value.get("format") == "path":
        return "a path"
    return f"{_KINDS[kind][0]}{_bounds(value)}"


def _set(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what a value may be where it is not left out."""
    given = [one for one in value.get("anyOf", ()) if one.get("type") != "null"]
    return given[0] if given else value


def _many(value: Mapping[str, Any]) -> str:
    if "enum" in value:
        return f"some of {', '.join(value['enum'])}"
    return f"{_KINDS[value['type']][1]}{_bounds(value)}"


def _bounds(value: Mapping[str, Any]) -> str:
    bounds = [
        f"{sign} {_plain(value[name])}"
        for name, sign in _BOUNDS.items()
        if name in value
    ]
    return f" {' and '.join(bounds)}" if bounds else ""


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)
