"""Every setting is described, and the list of them is a configuration file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.commands.settings import settings
from pipeline.config import PRESETS, Config, load_config
from pipeline.environment.tfx_line import tomllib
from pipeline.settings import in_words, settings_of


def call(*args: str) -> str:
    result = CliRunner().invoke(settings, args, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_each_setting_is_described() -> None:
    found = settings_of(Config)

    assert len(found) > 80
    for setting in found:
        assert setting.meaning, setting.key
        assert setting.expected, setting.key
        assert not {"`", "\n"} & set(setting.meaning)


def test_a_description_says_type_choices_and_meaning() -> None:
    found = {setting.key: setting for setting in settings_of(Config)}

    assert found["train.schedule"].choices == ("cosine", "trapezoid", "constant")
    assert found["train.seed"].expected == "an integer ≥ 0 and < 2147483648"
    assert found["train.seed"].meaning == (
        "seeds weights, shuffling, dropout and augmentation"
    )
    assert found["data"].expected == "a path"
    assert found["nodes.stock"].expected == (
        "a list of some of ExampleGen, StatisticsGen, Transform, Evaluator"
    )
    assert "preset" not in found


@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_printed_is_a_configuration_file(preset: str, tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(call("--preset", preset), "utf-8")

    assert load_config(preset, file) == load_config(preset)
    assert load_config("default", file, ["train.seed=1"]).train.seed == 1


def test_values_are_those_of_the_run_and_defaults_stand_beside_others() -> None:
    text = call("--preset", "quick", "--set", "train.seed=7")

    assert (
        "# width of each hidden dense layer, first to last (a list of one or more "
        "integers ≥ 1; default [512, 512])\nhidden_units = [128]\n"
    ) in text
    assert tomllib.loads(text)["train"]["seed"] == 7
    assert not {"data", "schema", "workspace"} & set(tomllib.loads(text))


def test_json_has_everything_of_each_setting() -> None:
    rows = {row["key"]: row for row in json.loads(call("--preset", "quick", "--json"))}

    assert set(rows) == {setting.key for setting in settings_of(Config)}
    assert rows["train.max_examples"] == {
        "key": "train.max_examples",
        "expected": "an integer ≥ 0",
        "choices": [],
        "meaning": "train on this many of the first examples; 0 takes all",
        "value": 4000,
        "default": 0,
    }


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer"}, "an integer"),
        (
            {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
            "a number > 0 and ≤ 0.5",
        ),
        ({"type": "boolean"}, "true or false"),
        ({"enum": ["a", "b"]}, "one of a, b"),
        ({"type": "array", "items": {"type": "number"}}, "a list of numbers"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text, or left out"),
        ({"type": "object"}, "a table"),
    ],
)
def test_types_in_words(schema: dict, words: str) -> None:
    assert in_words(schema) == words
