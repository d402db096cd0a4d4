"""What the model and its training can be told; the configuration holds these.

They travel to the Trainer as plain dictionaries in its ``custom_config``.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True)

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
NonNegativeFloat = Annotated[float, Field(ge=0.0)]

Settings = TypeVar("Settings")


def from_dict(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Builds a settings class from plain values, checked strictly.

    They go through JSON, where strictness still takes a list for a tuple.

    Raises:
      pydantic.ValidationError: an unknown key or a wrong value.
    """
    return TypeAdapter(kind).validate_json(json.dumps(values, default=str))


@dataclass(frozen=True, config=STRICT)
class ModelHyperparameters:
    """The dense network.

    Attributes:
      hidden_units: width of each hidden dense layer, first to last.
      activation: name of a Keras activation.
      batch_normalization: normalize before each activation.
      dropout: share of activations dropped after each hidden layer.
    """

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (512, 512)
    activation: Literal["relu", "gelu", "silu", "elu", "selu", "tanh"] = "relu"
    batch_normalization: bool = True
    dropout: Fraction = 0.0


@dataclass(frozen=True, config=STRICT)
class AugmentHyperparameters:
    """How far training images are deformed; every draw is uniform and per image.

    Attributes:
      enabled: whether images are deformed at all.
      rotation: degrees, either way.
      log_scale: natural logarithm of the scale, either way, each axis on its own.
      shear: horizontal shear, either way.
      shift: pixels, either way, each axis on its own.
      elastic: standard deviation of the elastic displacement in pixels.
    """

    enabled: bool = True
    rotation: NonNegativeFloat = 8.0
    log_scale: NonNegativeFloat = 0.08
    shear: NonNegativeFloat = 0.08
    shift: NonNegativeFloat = 1.0
    elastic: NonNegativeFloat = 0.6


@dataclass(frozen=True, config=STRICT)
class TrainHyperparameters:
    """How the network is fitted.

    Attributes:
      optimizer: name of the optimizer; weight decay needs ``adamw``.
      learning_rate: the peak of the schedule.
      schedule: ``cosine`` warms up linearly, then falls to 0.1 % of the peak.
      warmup: share of all steps spent warming up.
      weight_decay: decoupled weight decay of AdamW.
      label_smoothing: share of each one-hot label spread over all classes.
      batch_size: examples a step; the remainder of an epoch is dropped.
      epochs: passes over the training split.
      max_examples: train on the first so many examples; 0 takes all.
      seed: seeds weights, shuffling, dropout and augmentation.
      augment: the deformations of training images.
    """

    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: PositiveFloat = 4e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: Fraction = 0.15
    weight_decay: NonNegativeFloat = 0.02
    label_smoothing: Fraction = 0.05
    batch_size: PositiveInt = 512
    epochs: PositiveInt = 8
    max_examples: Annotated[int, Field(ge=0)] = 0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    augment: AugmentHyperparameters = AugmentHyperparameters()
