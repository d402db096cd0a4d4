"""What the model and its training can be told; the configuration holds these.

They travel to the Trainer as plain dictionaries in its ``custom_config``.
"""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import attrs
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid", strict=True)

Fraction = Annotated[float, Field(ge=0.0, lt=1.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]

Fit = Literal["ink", "page"]
Settings = TypeVar("Settings")


def from_dict(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Builds a settings class from plain values, checked strictly.

    They go through JSON, where strictness still takes a list for a tuple.

    Raises:
      pydantic.ValidationError: an unknown key or a wrong value.
    """
    return TypeAdapter(kind).validate_json(json.dumps(values, default=str))


@attrs.frozen
class EpochSize:
    """How much is trained on between two validations.

    Attributes:
      batch_size: examples a step.
      passes: over the split; each drops what is left after its whole batches.
      steps: of all passes.
    """

    batch_size: int
    passes: int
    steps: int

    @property
    def examples(self) -> int:
        """Examples of an epoch, each as often as it is passed over."""
        return self.steps * self.batch_size


def epoch_size(count: int, batch_size: int, min_steps: int) -> EpochSize:
    """Returns the size of an epoch over ``count`` examples, at least one.

    Args:
      count: examples of the split.
      batch_size: as set; a smaller split is one batch.
      min_steps: as set; a small split is passed over as often as it takes.
    """
    batch_size = min(batch_size, count)
    steps = count // batch_size
    passes = math.ceil(min_steps / steps)
    return EpochSize(batch_size, passes, steps * passes)


@dataclass(frozen=True, config=STRICT)
class ModelHyperparameters:
    """The dense network.

    Attributes:
      hidden_units: width of each hidden dense layer, first to last.
      first_weights: kernel initializer of the first layer: ``he_normal``, or ``local``,
        which puts each unit's weights under a Gaussian window at a random place.
      activation: name of a Keras activation.
      batch_normalization: normalize before each activation.
      dropout: share of activations dropped after each hidden layer.
      members: networks of the ensemble, trained one after the other, each from its own
        initial weights; their probabilities are averaged.
      shifts: test-time augmentation: probabilities are averaged over the (2 * shifts +
        1)² shifts of the image by up to this many pixels in each direction; a
        prediction takes that many times the work.
    """

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (512, 512)
    first_weights: Literal["he_normal", "local"] = "he_normal"
    activation: Literal["relu", "gelu", "silu", "elu", "selu", "tanh"] = "relu"
    batch_normalization: bool = True
    dropout: Fraction = 0.0
    members: PositiveInt = 1
    shifts: Annotated[int, Field(ge=0, le=3)] = 0


@dataclass(frozen=True, config=STRICT)
class AugmentHyperparameters:
    """How training images are augmented; every draw is uniform and per image.

    Attributes:
      enabled: whether images are augmented at all.
      rotation: degrees, either way.
      log_scale: natural logarithm of the scale, either way, each axis on its own.
      shear: horizontal shear, either way.
      shift: pixels, either way, each axis on its own.
      elastic: standard deviation of the elastic displacement in pixels.
      contrast: natural logarithm of the gain in contrast, from 0 up to this.
      thickness: what ink becomes brighter or darker by, white being 1: its grey edges
        make strokes thicker or thinner.
      flip: share of images mirrored left to right; not for digits.
      fade_from: share of all steps after which augmentation, but for ``flip``, weakens.
      fade_to: strength that is left at the last step; 1 does not weaken it.
    """

    enabled: bool = True
    rotation: NonNegativeFloat = 8.0
    log_scale: NonNegativeFloat = 0.08
    shear: NonNegativeFloat = 0.08
    shift: NonNegativeFloat = 1.0
    elastic: NonNegativeFloat = 0.6
    contrast: NonNegativeFloat = 0.0
    thickness: Share = 0.0
    flip: Share = 0.0
    fade_from: Fraction = 0.7
    fade_to: Share = 1.0


@dataclass(frozen=True, config=STRICT)
class TrainHyperparameters:
    """How the network is fitted.

    Attributes:
      optimizer: name of the optimizer; weight decay needs ``adamw``.
      learning_rate: the peak of the schedule.
      schedule: ``cosine`` warms up linearly, then falls to 0.1 % of the peak;
        ``trapezoid`` warms up linearly, stays at the peak, then falls linearly to 0;
        ``constant`` stays at the peak throughout.
      warmup: share of all steps spent warming up.
      decay_start: share of all steps after which ``trapezoid`` falls.
      weight_decay: decoupled weight decay of AdamW.
      label_smoothing: share of each one-hot label spread over all classes.
      batch_size: examples a step, or the whole split where it holds fewer; the
        remainder of a pass over the split is dropped.
      min_steps: least number of steps in an epoch. Where the split gives fewer, an
        epoch passes over it several times.
      epochs: passes over the training split, or several passes each; the network is
        validated and saved after each.
      steps_per_execution: steps between two looks at the loss; fewer are slower.
      precision: ``mixed_bfloat16`` multiplies matrices in bfloat16, and ``auto``
        does so on a processor made for it; weights and logits are always float32.
      average_weights: momentum of an exponential moving average of the weights,
        which replaces them at the end; 0 keeps the last weights.
      patience: stop after this many epochs without a better validation loss, and
        keep the weights of the best; 0 trains for all epochs.
      use_val: train on the validation split as well; nothing is left to validate on.
      max_examples: train on this many of the first examples; 0 takes all.
      memory_limit: megabytes that the decoded examples of a split may take in
        memory; a larger split is read from its files in each epoch.
      deterministic: give bit-equal weights on one machine, more slowly.
      seed: seeds weights, shuffling, dropout and augmentation.
      augment: the augmentation of training images.
    """

    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: PositiveFloat = 4e-3
    schedule: Literal["cosine", "trapezoid", "constant"] = "cosine"
    warmup: Fraction = 0.15
    decay_start: Fraction = 0.7
    weight_decay: NonNegativeFloat = 0.02
    label_smoothing: Fraction = 0.05
    batch_size: PositiveInt = 512
    min_steps: PositiveInt = 1
    epochs: PositiveInt = 10
    steps_per_execution: PositiveInt = 20
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
    average_weights: Fraction = 0.0
    patience: NonNegativeInt = 0
    use_val: bool = False
    max_examples: NonNegativeInt = 0
    memory_limit: PositiveInt = 1024
    deterministic: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    augment: AugmentHyperparameters = AugmentHyperparameters()

    def __post_init__(self) -> None:
        """Refuses what contradicts itself."""
        if self.schedule == "trapezoid" and self.decay_start < self.warmup:
            raise ValueError("Expected decay_start to be at least warmup")
        if self.patience and (self.use_val or self.average_weights):
            raise ValueError(
                "Expected patience to be 0 with use_val, which leaves nothing to "
                "validate on, and with average_weights, which replaces the weights "
                "that were validated"
            )


@dataclass(frozen=True, config=STRICT)
class PictureHyperparameters:
    """How pictures of any size become what the model was trained on.

    Attributes:
      fit: ``ink`` crops the ink of a picture and draws it as MNIST's digits are drawn,
        ``page`` scales the whole picture; one of 28×28 is taken as it is.
    """

    fit: Fit = "ink"
