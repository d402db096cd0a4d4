"""``mnist-pipeline settings``: every setting, as a configuration file."""

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs
import click

from pipeline.commands.options import json_option, settings_options
from pipeline.config import Config, load_config, to_dict
from pipeline.settings import Setting, settings_of


@click.command()
@settings_options
@json_option
def settings(
    preset: str, file: Path | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """List all settings: value, type, default and meaning.

    What is printed can be used as a file for 'mnist-pipeline run --config'. The values
    are those of the preset, with the file and the single settings on top.
    """
    rows = describe(load_config(preset, file, overrides))
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(as_toml(rows)))


def describe(config: Config) -> list[dict[str, Any]]:
    """Returns of each setting the key, value, default, expected, choices, meaning."""
    values, defaults = to_dict(config), to_dict(Config())
    return [
        {
            **attrs.asdict(setting),
            "value": _look_up(values, setting),
            "default": _look_up(defaults, setting),
        }
        for setting in settings_of(Config)
    ]


def as_toml(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yields the lines of a TOML file with a comment on each setting.

    Args:
      rows: from ``describe``; those of a table follow each other.
    """
    for table, members in groupby(rows, key=lambda row: row["key"].rpartition(".")[0]):
        if table:
            yield f"\n[{table}]"
        for row in members:
            default = "" if row["value"] == row["default"] else "; default "
            default += _toml(row["default"]) if default else ""
            yield f"# {row['meaning']} ({row['expected']}{default})"
            # TOML has no word for nothing; our folders are elsewhere on other machines.
            ours = row["expected"] == "a path" and row["value"] == row["default"]
            left_out = "# " if row["value"] is None or ours else ""
            name = row["key"].rpartition(".")[2]
            yield f"{left_out}{name} = {_toml(row['value'])}"


def _look_up(values: dict[str, Any], setting: Setting) -> Any:
    for name in setting.key.split("."):
        values = values[name]
    return values


def _toml(value: Any) -> str:
    """Formats a JSON value for TOML, which takes a table on one line as well."""
    if value is None:
        return "left out"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)
