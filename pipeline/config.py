"""The configuration of a run: presets, a TOML file, ``key=value`` overrides.

One frozen dataclass, checked at the edge and passed down as arguments.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from components.checkout import PROJECT_ROOT
from components.errors import UsageError
from components.gate_settings import (
    DataGateSettings,
    ModelGateSettings,
    ServingCheckSettings,
)
from components.hyperparameters import (
    STRICT,
    ModelHyperparameters,
    PictureHyperparameters,
    TrainHyperparameters,
    from_dict,
)
from pipeline.environment.tfx_line import tomllib
from pipeline.kubeflow_settings import KubeflowSettings
from pipeline.node_settings import NodeSettings
from pipeline.settings import settings_of

# Kubernetes takes 63 characters, of which '-schedule' is the longest that is added.
_NAME_LENGTH = 63 - len("-schedule")
_PipelineName = Annotated[
    str,
    Field(
        pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        max_length=_NAME_LENGTH,
        description=(
            "a name that Kubernetes takes, of lower-case letters, digits and '-', the "
            f"first a letter, the last not '-', at most {_NAME_LENGTH} in all"
        ),
    ),
]


@dataclass(frozen=True, config=STRICT)
class Config:
    """Everything a run depends on, besides the code.

    Attributes:
      pipeline: name of the pipeline.
      preset: name of the preset that this configuration started from.
      data: folder with ``train/``, ``val/`` and ``test/``, each of gzip TFRecords.
      schema: the curated schema, a ``.pbtxt`` file.
      workspace: receives artifacts, metadata, checkpoints, served models, reports
        and logs.
      model: the network.
      train: how it is fitted.
      pictures: how pictures of any size are prepared for it.
      data_gate: what the data must keep to.
      evaluation: what the model must reach.
      serving_check: what the exported model must keep to.
      rebaseline: do not compare with the model that serves in this run.
      warm_start: train from the weights of the model that serves.
      nodes: which nodes run as TFX has them.
      kubeflow: how the cluster runs it; has no effect on the results.
    """

    pipeline: _PipelineName = "mnist"
    preset: str = "default"
    data: Path = PROJECT_ROOT / "data" / "mnist"
    schema: Path = PROJECT_ROOT / "schema" / "schema.pbtxt"
    workspace: Path = PROJECT_ROOT / "workspace"
    model: ModelHyperparameters = ModelHyperparameters()
    train: TrainHyperparameters = TrainHyperparameters()
    pictures: PictureHyperparameters = PictureHyperparameters()
    data_gate: DataGateSettings = DataGateSettings()
    evaluation: ModelGateSettings = ModelGateSettings()
    serving_check: ServingCheckSettings = ServingCheckSettings()
    rebaseline: bool = False
    warm_start: bool = False
    nodes: NodeSettings = NodeSettings()
    kubeflow: KubeflowSettings = KubeflowSettings()

    @property
    def artifacts(self) -> Path:
        """Root of the artifacts of every node."""
        return self.workspace / "artifacts"

    @property
    def metadata(self) -> Path:
        """The ML Metadata database."""
        return self.workspace / "metadata.sqlite"

    @property
    def serving(self) -> Path:
        """Holds one folder a pushed version."""
        return self.workspace / "serving" / self.pipeline

    @property
    def reports(self) -> Path:
        """Holds one folder a run."""
        return self.workspace / "reports"

    @property
    def checkpoints(self) -> Path:
        """Holds one folder a training that has not ended."""
        return self.workspace / "checkpoints"

    @property
    def logs(self) -> Path:
        """Holds one log a run."""
        return self.workspace / "logs"


# mnist-pipeline run --preset accurate: a better model; trained on both splits.
_ACCURATE: dict[str, Any] = {
    "model": {"hidden_units": [1024, 1024, 1024], "first_weights": "local"},
    "train": {
        "epochs": 100,
        "min_steps": 20,
        "use_val": True,
        "schedule": "trapezoid",
        "warmup": 0.01,
        "learning_rate": 3e-3,
        "weight_decay": 0.05,
        "steps_per_execution": 5,
        "augment": {
            "rotation": 15.0,
            "log_scale": 0.18,
            "shear": 0.2,
            "shift": 1.5,
            "elastic": 1.4,
            "fade_to": 0.3,
        },
    },
    "evaluation": {"min_accuracy": 0.99, "min_digit_accuracy": 0.97},
}

# Each preset says what differs from the defaults above; benchmarks/ACCURACY.md has the
# accuracy and the time of each.
PRESETS: dict[str, dict[str, Any]] = {
    # mnist-pipeline run --preset quick: for tests, on 4,000 training examples.
    "quick": {
        "model": {"hidden_units": [128]},
        "train": {
            "epochs": 6,
            "batch_size": 100,
            "min_steps": 40,
            "max_examples": 4000,
        },
        "evaluation": {
            "min_accuracy": 0.85,
            "max_loss": 0.6,
            "min_digit_accuracy": 0.7,
            "max_accuracy_drop": 0.03,
            "max_digit_accuracy_drop": 0.12,
            "warn_slice_accuracy": 0.87,
            "min_slice_accuracy": 0.8,
            "warn_slice_drop": 0.04,
            "max_slice_drop": 0.08,
        },
    },
    # mnist-pipeline run: for everyday use.
    "default": {
        "model": {"hidden_units": [512, 512], "first_weights": "local"},
        "train": {
            "epochs": 18,
            "batch_size": 384,
            "min_steps": 40,
            "learning_rate": 7e-3,
            "schedule": "trapezoid",
            "warmup": 0.1,
            "decay_start": 0.5,
            "augment": {
                "rotation": 11.0,
                "log_scale": 0.12,
                "shear": 0.13,
                "shift": 1.2,
                "elastic": 0.9,
                "fade_from": 0.6,
                "fade_to": 0.3,
            },
        },
    },
    "accurate": _ACCURATE,
    # mnist-pipeline run --preset record: the best here. An ensemble of three networks
    # trained on both splits, averaged over nine shifts of the image.
    "record": {
        **_ACCURATE,
        "model": {**_ACCURATE["model"], "members": 3, "shifts": 1},
        "train": {
            **_ACCURATE["train"],
            "augment": {
                **_ACCURATE["train"]["augment"],
                "contrast": 0.7,
                "thickness": 0.15,
            },
        },
    },
}

# Fields that hold a path.
_PATHS = ("data", "schema", "workspace")


def load_config(
    preset: str = "default",
    file: Path | None = None,
    overrides: Iterable[str] = (),
    **fields: Any,
) -> Config:
    """Builds the configuration: preset, then file, then overrides, then fields.

    Args:
      preset: a key of ``PRESETS``.
      file: a TOML file with any of the fields of ``Config``.
      overrides: ``key=value`` strings; a key is dotted (``train.epochs``), a value
        is TOML, or a plain string.
      **fields: fields of ``Config`` set by options; ``None`` leaves a field alone.

    Raises:
      UsageError: an unknown preset or key, a wrong type, a file that cannot be read.
    """
    if preset not in PRESETS:
        raise UsageError(
            f"Expected --preset to be one of {', '.join(PRESETS)}. Received: {preset}."
        )
    values: dict[str, Any] = {}
    merge(values, PRESETS[preset])
    merge(values, read_settings(file, overrides))
    if "preset" in values:
        raise UsageError(
            "Expected a preset to be named by the option --preset. Received: preset = "
            f"{values['preset']!r} in --config or --set, which come on top of one. "
            f"Use --preset NAME, with {', '.join(PRESETS)}."
        )
    merge(values, {key: value for key, value in fields.items() if value is not None})
    for name in _PATHS:
        _require_utf8(name, values.get(name))
    return _validated({"preset": preset, **values})


def read_settings(file: Path | None, overrides: Iterable[str]) -> dict[str, Any]:
    """Returns the tables of a TOML file with overrides on top, unchecked.

    Raises:
      UsageError: a file that cannot be read, or an override that is none.
    """
    values: dict[str, Any] = {}
    if file is not None:
        merge(values, _read_toml(file))
    for override in overrides:
        _require_utf8("set", override)
        merge(values, _parse_override(override))
    return values


def merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Lays ``values`` over ``into``, table by table."""
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(into.get(key, {}), dict):
            table = dict(into.get(key, {}))
            merge(table, value)
            into[key] = table
        else:
            into[key] = value


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns dotted key → value of nested tables."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def to_dict(config: Config) -> dict[str, Any]:
    """Returns the configuration as JSON values."""
    return TypeAdapter(Config).dump_python(config, mode="json")


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(
            f"Expected --config to name a readable TOML file. "
            f"Received: {file} ({error.strerror})."
        ) from error
    # Of a TOMLDecodeError or of a UnicodeDecodeError.
    except ValueError as error:
        binary = isinstance(error, UnicodeDecodeError)
        received = "a file that is no text in UTF-8" if binary else error
        raise UsageError(
            f"Expected {file} to be TOML, like 'train.epochs = 12'. "
            f"Received: {received}."
        ) from error


def _parse_override(override: str) -> dict[str, Any]:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise UsageError(
            f"Expected --set KEY=VALUE, like --set train.epochs=12. "
            f"Received: --set {override}."
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for part in reversed(key.strip().split(".")):
        value = {part: value}
    return value


def _validated(values: dict[str, Any]) -> Config:
    try:
        config = from_dict(Config, values)
    except ValidationError as error:
        problems = _innermost(error.errors())
        raise UsageError("\n".join(map(_explain, problems))) from error
    return dataclasses.replace(
        config, **{name: getattr(config, name).absolute() for name in _PATHS}
    )


def _require_utf8(option: str, value: object) -> None:
    """Refuses the stand-ins for bytes that are no text, in what a person typed."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"Expected --{option} to be in UTF-8, which TensorFlow and the metadata "
            f"take. Received: {value}. Give a folder another name, or a link with one."
        ) from None


def _innermost(problems: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leaves out what follows from a problem further in.

    A list whose only item is refused counts as too short as well.
    """
    places = [problem["loc"] for problem in problems]
    return [
        problem
        for problem in problems
        if not any(
            len(place) > len(problem["loc"])
            and place[: len(problem["loc"])] == problem["loc"]
            for place in places
        )
    ]


def _explain(problem: Mapping[str, Any]) -> str:
    """Says in one line what is wrong with one value."""
    location = [str(part) for part in problem["loc"]]
    key = ".".join(location)
    if problem["type"] == "unexpected_keyword_argument":
        allowed = ", ".join(allowed_keys(location[:-1]))
        return f"Unknown configuration key {key}. Allowed here: {allowed}."
    if problem["type"] == "value_error":
        return f"Wrong values in {key}: {problem['ctx']['error']}."
    key, expected = _expected(location)
    received = json.dumps(problem["input"], default=str, ensure_ascii=False)
    return f"Expected {key} to be {expected}. Received: {received}."


def _expected(location: Sequence[str]) -> tuple[str, str]:
    """Returns the key of the setting at a location, and what it may be."""
    kind: Any = Config
    for depth, name in enumerate(location, 1):
        outer, kind = kind, _kind_of(kind, name)
        if not dataclasses.is_dataclass(kind) and get_origin(kind) is not dict:
            found = {setting.key: setting.expected for setting in settings_of(outer)}
            return ".".join(location[:depth]), found[name]
    return ".".join(location), "a table of settings"


def allowed_keys(table: Iterable[str] = ()) -> list[str]:
    """Returns the keys that a table of a file or of ``--set`` may hold."""
    kind: Any = Config
    for name in table:
        kind = _kind_of(kind, name)
    keys = [".".join([*table, field.name]) for field in dataclasses.fields(kind)]
    return [key for key in keys if key != "preset"]


def _kind_of(kind: Any, name: str) -> Any:
    """Returns the type of a field, or of a value where ``kind`` is a dictionary."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    return {field.name: field.type for field in dataclasses.fields(kind)}[name]
