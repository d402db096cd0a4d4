"""The dense Keras network and its optimizer."""

import keras

from components.features import IMAGE, NUM_CLASSES, PIXELS
from components.hyperparameters import ModelHyperparameters, TrainHyperparameters


def build_model(settings: ModelHyperparameters) -> keras.Model:
    """Stacks [dense → batch normalization → activation → dropout] and a dense head.

    Returns:
      A model from float32 [n, 784] in [0, 1] to logits float32 [n, 10].
    """
    inputs = keras.Input((PIXELS,), name=IMAGE)
    hidden = inputs
    for units in settings.hidden_units:
        hidden = keras.layers.Dense(
            units,
            use_bias=not settings.batch_normalization,
            kernel_initializer="he_normal",
        )(hidden)
        if settings.batch_normalization:
            hidden = keras.layers.BatchNormalization()(hidden)
        hidden = keras.layers.Activation(settings.activation)(hidden)
        if settings.dropout:
            hidden = keras.layers.Dropout(settings.dropout)(hidden)
    logits = keras.layers.Dense(NUM_CLASSES, dtype="float32", name="logits")(hidden)
    return keras.Model(inputs, logits, name="dense")


def learning_rate(
    settings: TrainHyperparameters, total_steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the constant rate, or linear warm-up followed by cosine decay."""
    if settings.schedule == "constant":
        return settings.learning_rate
    warmup_steps = round(settings.warmup * total_steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=settings.learning_rate * (0.04 if warmup_steps else 1),
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
    if settings.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer
    if settings.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)


def compile_model(
    model: keras.Model, settings: TrainHyperparameters, total_steps: int
) -> None:
    """Compiles for one-hot labels and logits."""
    model.compile(
        optimizer=build_optimizer(settings, total_steps),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=settings.label_smoothing
        ),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        steps_per_execution=20,
        jit_compile=False,
    )
