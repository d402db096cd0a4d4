"""The dense Keras network and its optimizer."""

from collections.abc import Sequence
from typing import Any

import keras

from components.features import IMAGE
from components.hyperparameters import ModelHyperparameters, TrainHyperparameters
from components.image_spec import ImageSpec
from components.training.confusion import ConfusionAccuracy
from components.training.initializers import LocalHeNormal
from components.training.precision import FLOAT32

# The first learning rate of a warm-up, as a share of the peak.
_WARMUP_FROM = 0.04


def build_model(
    spec: ImageSpec,
    settings: ModelHyperparameters,
    precision: str = FLOAT32,
) -> keras.Model:
    """Builds a network, or an ensemble where ``members`` or ``shifts`` ask for one.

    Args:
      spec: size of its input and number of its classes.
      settings: of the network.
      precision: name of the Keras dtype policy of the hidden layers.

    Returns:
      A model from float32 [n, pixels] in [0, 1] to logits float32 [n, classes].
    """
    if settings.members == 1 and not settings.shifts:
        return build_network(spec, settings, precision)
    networks = [
        build_network(spec, settings, precision, name=f"member_{number}")
        for number in range(1, settings.members + 1)
    ]
    return build_ensemble(spec, networks, settings.shifts)


def build_ensemble(
    spec: ImageSpec, networks: Sequence[keras.Model], shifts: int = 0
) -> keras.Model:
    """Joins networks into one model; its weights are theirs, one after the other.

    Probabilities are averaged over the networks, as in Meier et al. 2011, "Better digit
    recognition with a committee of simple neural nets", and over shifts of the image by
    up to ``shifts`` pixels, as in Krizhevsky et al. 2012, "ImageNet classification with
    deep convolutional neural networks".

    Args:
      spec: size of their input and number of their classes.
      networks: from float32 [n, pixels] to logits [n, classes].
      shifts: pixels, either way, each axis on its own; black comes in at the edges.

    Returns:
      A model from float32 [n, pixels] to the logarithm of the mean probabilities,
      float32 [n, classes], which is a logit.
    """
    inputs = keras.Input((spec.pixels,), name=IMAGE)
    views = _shifted(spec, inputs, shifts)
    outputs = [
        keras.ops.reshape(
            network(keras.ops.reshape(views, (-1, spec.pixels))),
            (-1, views.shape[1], spec.classes),
        )
        for network in networks
    ]
    probabilities = keras.ops.softmax(keras.ops.concatenate(outputs, axis=1))
    mean = keras.ops.mean(probabilities, axis=1)
    logits = keras.ops.log(keras.ops.maximum(mean, keras.config.epsilon()))
    return keras.Model(inputs, logits, name="ensemble")


def networks_of(model: keras.Model) -> list[keras.Model]:
    """Returns what is fitted one by one: the members of an ensemble, or the model."""
    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return members or [model]


def _shifted(
    spec: ImageSpec, images: keras.KerasTensor, shifts: int
) -> keras.KerasTensor:
    """All shifts of images [n, pixels]: [n, (2 * shifts + 1)², pixels]."""
    border = (shifts, shifts)
    squares = keras.ops.reshape(images, (-1, *spec.size))
    padded = keras.ops.pad(squares, ((0, 0), border, border))
    offsets = range(2 * shifts + 1)
    views = [
        keras.ops.reshape(
            padded[:, top : top + spec.height, left : left + spec.width],
            (-1, spec.pixels),
        )
        for top in offsets
        for left in offsets
    ]
    return keras.ops.stack(views, axis=1)


def build_network(
    spec: ImageSpec,
    settings: ModelHyperparameters,
    precision: str = FLOAT32,
    name: str = "dense",
) -> keras.Model:
    """Stacks [dense → batch normalization → activation → dropout] and a dense head.

    Args:
      spec: size of its input and number of its classes.
      settings: width of the layers and what stands between them.
      precision: name of the Keras dtype policy of the hidden layers.
      name: of the model.

    Returns:
      A model from float32 [n, pixels] in [0, 1] to logits float32 [n, classes].
    """
    inputs = keras.Input((spec.pixels,), name=IMAGE)
    hidden = inputs
    initializers = {"he_normal": "he_normal", "local": LocalHeNormal(*spec.size)}
    initializer = initializers[settings.first_weights]
    for units in settings.hidden_units:
        hidden = keras.layers.Dense(
            units,
            use_bias=not settings.batch_normalization,
            kernel_initializer=initializer,
            dtype=precision,
        )(hidden)
        initializer = "he_normal"
        if settings.batch_normalization:
            hidden = keras.layers.BatchNormalization(dtype=precision)(hidden)
        hidden = keras.layers.Activation(settings.activation, dtype=precision)(hidden)
        if settings.dropout:
            hidden = keras.layers.Dropout(settings.dropout, dtype=precision)(hidden)
    logits = keras.layers.Dense(spec.classes, dtype="float32", name="logits")(hidden)
    return keras.Model(inputs, logits, name=name)


class Trapezoid(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, a constant rate, then a linear fall to 0.

    Also known as warmup-stable-decay; see Zhai et al. 2022, "Scaling vision
    transformers", and Hägele et al. 2024, "Scaling laws and compute-optimal training
    beyond fixed training durations".
    """

    def __init__(
        self, peak: float, warmup_steps: int, decay_from: int, total_steps: int
    ) -> None:
        super().__init__()
        self._config = {
            "peak": peak,
            "warmup_steps": warmup_steps,
            "decay_from": decay_from,
            "total_steps": total_steps,
        }

    def __call__(self, step: Any) -> Any:
        """Returns the rate at a step, a float32 scalar."""
        c = self._config
        step = keras.ops.cast(step, "float32")
        warmed_up = step / max(c["warmup_steps"], 1)
        rising = _WARMUP_FROM + (1 - _WARMUP_FROM) * warmed_up
        decay_steps = max(c["total_steps"] - c["decay_from"], 1)
        falling = (c["total_steps"] - step) / decay_steps
        share = keras.ops.where(step < c["warmup_steps"], rising, falling)
        return c["peak"] * keras.ops.clip(share, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return dict(self._config)


def learning_rate(
    settings: TrainHyperparameters, total_steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the constant rate, or its schedule over ``total_steps`` updates."""
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup_steps = round(settings.warmup * total_steps)
    if settings.schedule == "trapezoid":
        return Trapezoid(
            settings.learning_rate,
            warmup_steps,
            decay_from=round(settings.decay_start * total_steps),
            total_steps=total_steps,
        )
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate
        * (_WARMUP_FROM if warmup_steps else 1),
        decay_steps=max(total_steps - warmup_steps, 1),
        alpha=0.001,
        warmup_target=settings.learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def build_optimizer(
    settings: TrainHyperparameters, total_steps: int
) -> keras.optimizers.Optimizer:
    """Builds the optimizer with its schedule over ``total_steps`` updates."""
    rate = learning_rate(settings, total_steps)
    average = {}
    if settings.average_weights:
        average = {"use_ema": True, "ema_momentum": settings.average_weights}
    if settings.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(
            rate, weight_decay=settings.weight_decay, **average
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(rate, **average)
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **average)


def compile_model(
    model: keras.Model,
    settings: TrainHyperparameters,
    total_steps: int,
    accuracy: keras.metrics.Metric | None = None,
) -> None:
    """Compiles for one-hot labels and logits.

    Args:
      model: from float32 [n, pixels] to logits float32 [n, classes].
      settings: optimizer, schedule and loss.
      total_steps: updates that the schedule spans.
      accuracy: metric to measure accuracy with; one of its own without.
    """
    model.compile(
        optimizer=build_optimizer(settings, total_steps),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        metrics=[accuracy or ConfusionAccuracy(model.output_shape[-1])],
        steps_per_execution=settings.steps_per_execution,
        jit_compile=False,
    )
