"""Where a setting comes from, and what is said about one that is wrong."""

import dataclasses
import json
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from components.errors import UsageError
from components.hyperparameters import TrainHyperparameters
from pipeline.config import PRESETS, Config, allowed_keys, load_config, merge, to_dict

AUGMENT = load_config().train.augment
TOP_KEYS = ", ".join(
    field.name for field in dataclasses.fields(Config) if field.name != "preset"
)


def toml(folder: Path, text: str) -> Path:
    file = folder / "settings.toml"
    file.write_text(text)
    return file


def message(*args, **options) -> str:
    with pytest.raises(UsageError) as caught:
        load_config(*args, **options)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_without_a_preset_the_default_one_is_taken() -> None:
    assert load_config() == load_config("default")
    assert load_config().preset == "default"


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('pipeline = "e"  # é', encoding="utf-8-sig")

    assert load_config(file=file).pipeline == "e"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_sets_what_it_says_and_nothing_else(preset: str) -> None:
    expected = to_dict(Config())
    merge(expected, json.loads(json.dumps(PRESETS[preset])))
    expected["preset"] = preset

    assert to_dict(load_config(preset)) == expected


def test_the_quick_preset_trains_on_little() -> None:
    config = load_config("quick")

    assert config.model.hidden_units == (128,)
    assert 0 < config.train.max_examples < 55_000


def test_paths_of_the_workspace() -> None:
    config = load_config(workspace=Path("/w"), overrides=["pipeline=digits-2"])

    assert config.artifacts == Path("/w/artifacts")
    assert config.metadata == Path("/w/metadata.sqlite")
    assert config.serving == Path("/w/serving/digits-2")
    assert config.reports == Path("/w/reports")
    assert config.logs == Path("/w/logs")


def test_defaults_do_not_depend_on_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config()

    assert config.data == PROJECT_ROOT / "data" / "mnist"
    assert config.schema == PROJECT_ROOT / "schema" / "schema.pbtxt"
    assert config.workspace == PROJECT_ROOT / "workspace"
    assert config.schema.is_file()


def test_relative_paths_become_absolute_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(
        file=toml(tmp_path, 'schema = "s.pbtxt"'),
        overrides=["workspace=w"],
        data=Path("d"),
    )

    assert config.data == tmp_path / "d"
    assert config.schema == tmp_path / "s.pbtxt"
    assert config.workspace == tmp_path / "w"


def test_later_sources_win_key_by_key(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        """
        data = "/file"
        workspace = "/file"
        [train]
        epochs = 20
        batch_size = 200
        """,
    )
    config = load_config(
        "quick",
        file,
        ["train.epochs=30", "data=/set", "train.seed=1", "train.seed=2"],
        data=Path("/field"),
        schema=None,
    )

    assert config.data == Path("/field")
    assert config.workspace == Path("/file")
    assert config.schema == Config().schema
    assert config.train == TrainHyperparameters(
        epochs=30, batch_size=200, min_steps=40, max_examples=4000, seed=2
    )


def test_loading_leaves_the_presets_as_they_are() -> None:
    before = json.dumps(PRESETS)
    load_config("quick", overrides=["train.epochs=99", "model.dropout=0.9"])

    assert json.dumps(PRESETS) == before


@pytest.mark.parametrize(
    ("override", "read", "expected"),
    [
        ("train.epochs=12", lambda c: c.train.epochs, 12),
        (" train.epochs = 12 ", lambda c: c.train.epochs, 12),
        ("train.learning_rate=1e-3", lambda c: c.train.learning_rate, 0.001),
        ("train.learning_rate=1", lambda c: c.train.learning_rate, 1.0),
        ("train.optimizer=sgd", lambda c: c.train.optimizer, "sgd"),
        ('train.optimizer="sgd"', lambda c: c.train.optimizer, "sgd"),
        ("model.hidden_units=[8, 4]", lambda c: c.model.hidden_units, (8, 4)),
        ("model.batch_normalization=false", lambda c: c.model.batch_normalization, 0),
        (
            "train.augment={rotation = 3.5}",
            lambda c: c.train.augment,
            dataclasses.replace(AUGMENT, rotation=3.5),
        ),
        (
            "train.augment.enabled=false",
            lambda c: c.train.augment,
            dataclasses.replace(AUGMENT, enabled=False),
        ),
        ("data=/a=b", lambda c: c.data, Path("/a=b")),
        ("evaluation.min_accuracy=0", lambda c: c.evaluation.min_accuracy, 0.0),
    ],
)
def test_an_override_is_toml_or_a_plain_string(override, read, expected) -> None:
    assert read(load_config(overrides=[override])) == expected


def test_a_configuration_survives_as_json(tmp_path: Path) -> None:
    config = load_config("accurate", overrides=["train.augment.shift=2.5"])
    values = json.loads(json.dumps(to_dict(config)))
    fields = {key: value for key, value in values.items() if key != "preset"}

    assert load_config("accurate", **fields) == config


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().pipeline = "other"


def test_an_unknown_preset_names_the_known_ones() -> None:
    assert message("fast") == (
        "Expected --preset to be one of quick, default, accurate, record. "
        "Received: fast."
    )


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "epochs=3",
            f"Unknown configuration key epochs. Allowed here: {TOP_KEYS}.",
        ),
        (
            "model.units=3",
            "Unknown configuration key model.units. Allowed here: model.hidden_units, "
            "model.first_weights, model.activation, model.batch_normalization, "
            "model.dropout, model.members, model.shifts.",
        ),
        (
            "train.augment.rotate=3",
            "Unknown configuration key train.augment.rotate. Allowed here: "
            "train.augment.enabled, train.augment.rotation, train.augment.log_scale, "
            "train.augment.shear, train.augment.shift, train.augment.elastic, "
            "train.augment.contrast, train.augment.thickness, train.augment.flip, "
            "train.augment.fade_from, train.augment.fade_to.",
        ),
        (
            "train.epochs=many",
            'Expected train.epochs to be an integer ≥ 1. Received: "many".',
        ),
        (
            "train.epochs=true",
            "Expected train.epochs to be an integer ≥ 1. Received: true.",
        ),
        (
            "train.epochs=0",
            "Expected train.epochs to be an integer ≥ 1. Received: 0.",
        ),
        (
            "train.optimizer=lion",
            'Expected train.optimizer to be one of adamw, adam, sgd. Received: "lion".',
        ),
        (
            "train.seed=-1",
            "Expected train.seed to be an integer ≥ 0 and < 2147483648. Received: -1.",
        ),
        (
            "model.dropout=1",
            "Expected model.dropout to be a number ≥ 0 and < 1. Received: 1.",
        ),
        (
            "model.batch_normalization=2",
            "Expected model.batch_normalization to be true or false. Received: 2.",
        ),
        (
            "model.hidden_units=[8, 0.5]",
            "Expected model.hidden_units to be a list of one or more integers ≥ 1. "
            "Received: 0.5.",
        ),
        (
            "model.hidden_units=[0]",
            "Expected model.hidden_units to be a list of one or more integers ≥ 1. "
            "Received: 0.",
        ),
        (
            "model.hidden_units=[]",
            "Expected model.hidden_units to be a list of one or more integers ≥ 1. "
            "Received: [].",
        ),
        (
            "train.augment=1",
            "Expected train.augment to be a table of settings. Received: 1.",
        ),
        (
            "kubeflow.nodes.Trainer.cpu_limit=1x",
            "Expected kubeflow.nodes.Trainer.cpu_limit to be cores, like '500m' or "
            "'2'. Received: \"1x\".",
        ),
        (
            "kubeflow.metadata_sslmode=on",
            "Expected kubeflow.metadata_sslmode to be one of disable, allow, prefer, "
            'require, verify-ca, verify-full, or left out. Received: "on".',
        ),
        (
            "train.decay_start=0.01",
            "Wrong values in train: Expected decay_start to be at least warmup.",
        ),
    ],
)
def test_a_wrong_override_is_explained(override: str, expected: str) -> None:
    assert message(overrides=[override]) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("Mnist", "my_pipeline", "2mnist", "mnist-", "-mnist", "", "a/b", "mnist.v2"),
        *("mnist\n", "mnïst", "m nist", "a" * 55),
    ],
)
def test_a_pipeline_name_that_kubernetes_would_refuse_is_refused(name: str) -> None:
    assert message(pipeline=name) == (
        "Expected pipeline to be a name that Kubernetes takes, of lower-case letters, "
        "digits and '-', the first a letter, the last not '-', at most 54 in all. "
        f"Received: {json.dumps(name, ensure_ascii=False)}."
    )


def test_what_is_named_after_the_pipeline_fits_into_a_label() -> None:
    longest = load_config(pipeline="a" * 54).pipeline

    # Of a schedule, and of an Argo workflow: five letters are drawn for each run.
    assert len(f"{longest}-schedule") == 63
    assert len(f"{longest}-abcde") <= 63


def test_a_name_of_an_object_in_the_cluster_is_no_longer_than_a_label() -> None:
    name = "a" * 64
    assert f'at most 63 in all. Received: "{name}".' in message(
        overrides=[f"kubeflow.secret={name}"]
    )


@pytest.mark.parametrize("name", ["m", "mnist-2", "a-b-c", "a" * 54])
def test_a_pipeline_name_of_letters_digits_and_dashes_is_taken(name: str) -> None:
    assert load_config(pipeline=name).pipeline == name


def test_each_problem_has_its_own_line(tmp_path: Path) -> None:
    file = toml(tmp_path, "speed = 3\n[train]\nepochs = 0\n[model]\ndropout = 1.0\n")
    lines = message(file=file).splitlines()

    assert sorted(line.partition(".")[0] for line in lines) == [
        "Expected model",
        "Expected train",
        "Unknown configuration key speed",
    ]


@pytest.mark.parametrize("override", ["train.epochs", "=3", " = 3", ""])
def test_an_override_without_key_and_value_is_refused(override: str) -> None:
    assert message(overrides=[override]) == (
        "Expected --set KEY=VALUE, like --set train.epochs=12. "
        f"Received: --set {override}."
    )


PRESET_BY_OPTION = (
    "Expected a preset to be named by the option --preset. Received: preset = 'quick' "
    "in --config or --set, which come on top of one. "
    "Use --preset NAME, with quick, default, accurate, record."
)


def test_a_preset_in_an_override_or_a_file_is_refused(tmp_path: Path) -> None:
    file = toml(tmp_path, 'preset = "quick"')

    assert message(overrides=["preset=quick"]) == PRESET_BY_OPTION
    assert message("quick", file) == PRESET_BY_OPTION


def test_a_scalar_in_the_place_of_a_table_is_refused() -> None:
    assert message(overrides=["train=3"]) == (
        "Expected train to be a table of settings. Received: 3."
    )


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"

    assert message(file=file) == (
        f"Expected --config to name a readable TOML file. Received: {file} "
        "(No such file or directory)."
    )


@pytest.mark.parametrize("content", [b"epochs: 3", b"[train", b"\xff\xfe\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)

    assert message(file=file).startswith(
        f"Expected {file} to be TOML, like 'train.epochs = 12'. Received: "
    )


def test_allowed_keys_follow_the_tables() -> None:
    assert allowed_keys()[:3] == ["pipeline", "data", "schema"]
    assert allowed_keys(["model"]) == [
        "model.hidden_units",
        "model.first_weights",
        "model.activation",
        "model.batch_normalization",
        "model.dropout",
        "model.members",
        "model.shifts",
    ]
    assert "train.augment" in allowed_keys(["train"])
    assert allowed_keys(["train", "augment"])[0] == "train.augment.enabled"


def test_merge_goes_into_tables_and_replaces_the_rest() -> None:
    into = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "c": {"z": 1}}
    merge(into, {"a": {"y": [3]}, "b": {"new": 1}, "c": 5})

    assert into == {"a": {"x": 1, "y": [3]}, "b": {"new": 1}, "c": 5}


def test_merge_does_not_change_what_it_lays_over() -> None:
    preset = {"train": {"epochs": 1}}
    into: dict = {}
    merge(into, preset)
    merge(into, {"train": {"epochs": 2}})

    assert preset == {"train": {"epochs": 1}}
    assert into == {"train": {"epochs": 2}}
