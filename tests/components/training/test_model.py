"""The network and its optimizer: structure, sizes, schedule, decay."""

import itertools

import keras
import numpy as np
import pytest

from components.hyperparameters import ModelHyperparameters, TrainHyperparameters
from components.image_spec import MNIST
from components.training.initializers import LocalHeNormal
from components.training.model import (
    build_model,
    build_optimizer,
    compile_model,
    learning_rate,
    networks_of,
)


def layer_names(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def dense_layers(model: keras.Model) -> list[keras.layers.Dense]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]


def test_hidden_layers_are_dense_normalization_activation_dropout() -> None:
    settings = ModelHyperparameters(hidden_units=(8, 4), dropout=0.25)

    assert layer_names(build_model(MNIST, settings)) == [
        "InputLayer",
        *["Dense", "BatchNormalization", "Activation", "Dropout"] * 2,
        "Dense",
    ]


def test_an_ensemble_answers_with_the_mean_of_its_members_probabilities() -> None:
    settings = ModelHyperparameters(hidden_units=(8,), members=3)
    images = np.random.default_rng(0).random((5, 784), np.float32)

    ensemble = build_model(MNIST, settings)

    answers = [
        keras.ops.softmax(member(images)).numpy() for member in networks_of(ensemble)
    ]
    assert len(answers) == 3
    assert np.abs(answers[0] - answers[1]).max() > 0.01
    logits = ensemble(images)
    assert (logits.dtype, logits.shape) == ("float32", (5, 10))
    np.testing.assert_allclose(
        keras.ops.softmax(logits), np.mean(answers, axis=0), atol=1e-6
    )


@pytest.mark.parametrize("members", [1, 2])
def test_a_shifting_model_answers_with_the_mean_over_all_shifts(members: int) -> None:
    settings = ModelHyperparameters(hidden_units=(8,), members=members, shifts=2)
    images = np.random.default_rng(0).random((4, 28, 28), np.float32)
    model = build_model(MNIST, settings)

    answers = []
    for down, right in itertools.product((-2, -1, 0, 1, 2), repeat=2):
        moved = np.zeros_like(images)
        moved[:, max(down, 0) : 28 + down, max(right, 0) : 28 + right] = images[
            :, max(-down, 0) : 28 - down, max(-right, 0) : 28 - right
        ]
        for network in networks_of(model):
            answers.append(keras.ops.softmax(network(moved.reshape(4, 784))).numpy())
    assert len(answers) == members * 25
    assert np.abs(answers[0] - answers[-1]).max() > 0.01
    np.testing.assert_allclose(
        keras.ops.softmax(model(images.reshape(4, 784))),
        np.mean(answers, axis=0),
        atol=1e-6,
    )


def test_what_is_fitted_is_the_network_itself_where_it_is_alone() -> None:
    alone = build_model(MNIST, ModelHyperparameters(hidden_units=(8,)))

    assert networks_of(alone) == [alone]


def test_the_weights_of_an_ensemble_are_those_of_its_members() -> None:
    settings = ModelHyperparameters(hidden_units=(8,), members=2)
    ensemble, other = (
        build_model(MNIST, settings, "mixed_bfloat16"),
        build_model(MNIST, settings),
    )

    other.set_weights(ensemble.get_weights())

    alone = build_model(MNIST, ModelHyperparameters(hidden_units=(8,)))
    assert ensemble.count_params() == 2 * alone.count_params()
    for member, weights in zip(
        networks_of(other),
        np.split(np.arange(len(ensemble.weights)), 2),
        strict=True,
    ):
        for index, weight in zip(weights, member.weights, strict=True):
            np.testing.assert_array_equal(weight, ensemble.weights[index])


def test_normalization_and_dropout_can_be_left_out() -> None:
    settings = ModelHyperparameters(
        hidden_units=(8,), dropout=0.0, batch_normalization=False
    )

    assert layer_names(build_model(MNIST, settings)) == [
        "InputLayer",
        "Dense",
        "Activation",
        "Dense",
    ]


def test_settings_reach_the_layers() -> None:
    settings = ModelHyperparameters(
        hidden_units=(8, 4), activation="tanh", dropout=0.25
    )
    model = build_model(MNIST, settings)

    assert [layer.units for layer in dense_layers(model)] == [8, 4, 10]
    activations = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
    assert [a.activation for a in activations] == [keras.activations.tanh] * 2
    dropouts = [x for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert [layer.rate for layer in dropouts] == [0.25, 0.25]


def test_only_the_first_layer_starts_with_local_weights_and_only_if_told_to() -> None:
    settings = {
        name: ModelHyperparameters(hidden_units=(8, 4), first_weights=name)
        for name in ("local", "he_normal")
    }
    local, usual = (
        [
            type(x.kernel_initializer)
            for x in dense_layers(build_model(MNIST, settings[name]))
        ]
        for name in ("local", "he_normal")
    )

    he_normal, glorot = keras.initializers.HeNormal, keras.initializers.GlorotUniform
    assert local == [LocalHeNormal, he_normal, glorot]
    assert usual == [he_normal, he_normal, glorot]


@pytest.mark.parametrize("normalized", [True, False])
def test_hidden_layers_have_a_bias_only_without_normalization(normalized) -> None:
    settings = ModelHyperparameters(hidden_units=(8, 4), batch_normalization=normalized)
    *hidden, head = dense_layers(build_model(MNIST, settings))

    assert [layer.use_bias for layer in hidden] == [not normalized] * 2
    assert head.use_bias


@pytest.mark.parametrize(
    ("units", "normalized", "expected"),
    [
        ((8,), False, (784 * 8 + 8) + (8 * 10 + 10)),
        # Gamma, beta, moving mean and moving variance for each unit.
        ((8,), True, (784 * 8 + 4 * 8) + (8 * 10 + 10)),
        ((8, 4), True, (784 * 8 + 4 * 8) + (8 * 4 + 4 * 4) + (4 * 10 + 10)),
        ((512, 512), True, 784 * 512 + 512 * 512 + 8 * 512 + 512 * 10 + 10),
    ],
)
def test_the_number_of_parameters(units, normalized, expected) -> None:
    settings = ModelHyperparameters(hidden_units=units, batch_normalization=normalized)

    assert build_model(MNIST, settings).count_params() == expected


def test_the_model_takes_pixels_and_returns_logits() -> None:
    model = build_model(MNIST, ModelHyperparameters(hidden_units=(16,)))
    images = np.random.default_rng(0).random((5, 784), np.float32)

    logits = keras.ops.convert_to_numpy(model(images))

    assert model.input_shape == (None, 784)
    assert (logits.shape, logits.dtype) == ((5, 10), np.float32)
    # Probabilities would neither be negative nor miss a sum of one.
    assert logits.min() < 0
    assert np.abs(logits.sum(axis=1) - 1).min() > 1e-3


def test_bfloat16_multiplies_in_it_and_keeps_weights_and_logits_in_float32() -> None:
    settings = ModelHyperparameters(hidden_units=(8, 4), dropout=0.25)
    model = build_model(MNIST, settings, "mixed_bfloat16")
    *hidden, head = dense_layers(model)

    assert [layer.compute_dtype for layer in hidden] == ["bfloat16"] * 2
    assert head.compute_dtype == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    logits = model(np.zeros((2, 784), np.float32))
    assert keras.ops.convert_to_numpy(logits).dtype == np.float32


def test_both_precisions_take_the_same_weights() -> None:
    settings = ModelHyperparameters(hidden_units=(16,))
    images = np.random.default_rng(0).random((5, 784), np.float32)
    half, full = (
        build_model(MNIST, settings, "mixed_bfloat16"),
        build_model(MNIST, settings),
    )
    full.set_weights(half.get_weights())

    np.testing.assert_allclose(half(images), full(images), atol=0.05)


def test_averaging_reaches_the_optimizer() -> None:
    averaged = build_optimizer(TrainHyperparameters(average_weights=0.9), 10)

    assert (averaged.use_ema, averaged.ema_momentum) == (True, 0.9)
    assert not build_optimizer(TrainHyperparameters(), 10).use_ema


def schedule_value(settings: TrainHyperparameters, total: int, step: int) -> float:
    return float(learning_rate(settings, total)(step))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.04 * 0.5),
        (10, (0.04 + 0.96 / 2) * 0.5),
        (20, 0.5),
        (60, (0.001 + 0.999 / 2) * 0.5),
        (100, 0.001 * 0.5),
        (200, 0.001 * 0.5),
    ],
)
def test_the_rate_warms_up_and_falls_along_a_cosine(step, expected) -> None:
    settings = TrainHyperparameters(learning_rate=0.5, warmup=0.2)

    assert schedule_value(settings, 100, step) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 0.5), (50, (0.001 + 0.999 / 2) * 0.5), (100, 0.0005)]
)
def test_without_warm_up_the_rate_starts_at_its_peak(step, expected) -> None:
    settings = TrainHyperparameters(learning_rate=0.5, warmup=0.0)

    assert schedule_value(settings, 100, step) == pytest.approx(expected, rel=1e-4)


def test_a_single_step_has_a_schedule() -> None:
    settings = TrainHyperparameters(learning_rate=0.5, warmup=0.9)

    assert np.isfinite(schedule_value(settings, 1, 0))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.04 * 0.5),
        (5, (0.04 + 0.96 / 2) * 0.5),
        (10, 0.5),
        (40, 0.5),
        (70, 0.5),
        (85, 0.25),
        (100, 0.0),
        (200, 0.0),
    ],
)
def test_a_trapezoid_warms_up_stays_and_falls_to_nothing(step, expected) -> None:
    settings = TrainHyperparameters(
        schedule="trapezoid", learning_rate=0.5, warmup=0.1, decay_start=0.7
    )

    assert schedule_value(settings, 100, step) == pytest.approx(expected, abs=1e-6)


def test_a_trapezoid_without_warm_up_starts_at_its_peak() -> None:
    settings = TrainHyperparameters(schedule="trapezoid", learning_rate=0.5, warmup=0.0)

    assert schedule_value(settings, 100, 0) == 0.5


def test_a_constant_rate_is_the_number_itself() -> None:
    settings = TrainHyperparameters(learning_rate=0.25, schedule="constant")

    assert learning_rate(settings, 100) == 0.25


def step_with_zero_gradients(settings: TrainHyperparameters) -> dict[str, np.ndarray]:
    """The mean of each kind of variable, all ones before a step without gradients."""
    model = build_model(MNIST, ModelHyperparameters(hidden_units=(4,)))
    for variable in model.trainable_variables:
        variable.assign(keras.ops.ones_like(variable))
    optimizer = build_optimizer(settings, total_steps=10)
    gradients = [keras.ops.zeros_like(v) for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    values: dict[str, list] = {}
    for variable in model.trainable_variables:
        values.setdefault(variable.name, []).append(variable.numpy().ravel())
    return {name: np.concatenate(parts) for name, parts in values.items()}


def test_adamw_decays_kernels_and_nothing_else() -> None:
    settings = TrainHyperparameters(
        optimizer="adamw", learning_rate=0.5, schedule="constant", weight_decay=0.1
    )
    values = step_with_zero_gradients(settings)

    assert set(values) == {"kernel", "bias", "gamma", "beta"}
    np.testing.assert_allclose(values["kernel"], 1 - 0.5 * 0.1, rtol=1e-6)
    for name in ("bias", "gamma", "beta"):
        np.testing.assert_array_equal(values[name], 1.0)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_other_optimizers_decay_nothing(name) -> None:
    settings = TrainHyperparameters(
        optimizer=name, learning_rate=0.5, schedule="constant", weight_decay=0.1
    )

    for values in step_with_zero_gradients(settings).values():
        np.testing.assert_array_equal(values, 1.0)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", keras.optimizers.AdamW),
        ("adam", keras.optimizers.Adam),
        ("sgd", keras.optimizers.SGD),
    ],
)
def test_the_optimizer_is_the_one_named_and_follows_the_schedule(name, kind) -> None:
    settings = TrainHyperparameters(optimizer=name, learning_rate=0.5, warmup=0.2)
    optimizer = build_optimizer(settings, total_steps=100)

    assert type(optimizer) is kind
    assert float(optimizer.learning_rate) == pytest.approx(0.04 * 0.5)


def test_sgd_has_nesterov_momentum() -> None:
    optimizer = build_optimizer(TrainHyperparameters(optimizer="sgd"), 10)

    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_cross_entropy_of_logits_with_smoothed_labels(smoothing) -> None:
    model = build_model(MNIST, ModelHyperparameters(hidden_units=(4,)))
    settings = TrainHyperparameters(label_smoothing=smoothing)
    compile_model(model, settings, total_steps=10)
    logits = np.random.default_rng(0).normal(size=(3, 10)).astype(np.float32)
    labels = np.eye(10, dtype=np.float32)[[1, 0, 7]]

    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    smoothed = labels * (1 - smoothing) + smoothing / 10
    expected = -(smoothed * log_probabilities).sum(axis=1).mean()

    assert float(model.loss(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_the_compiled_model_reports_loss_and_accuracy() -> None:
    model = build_model(MNIST, ModelHyperparameters(hidden_units=(4,)))
    compile_model(model, TrainHyperparameters(), total_steps=10)
    images = np.random.default_rng(0).random((6, 784), np.float32)
    predicted = np.argmax(keras.ops.convert_to_numpy(model(images)), axis=1)
    labels = np.eye(10, dtype=np.float32)[predicted]
    labels[:2] = np.roll(labels[:2], 1, axis=1)

    results = model.evaluate(images, labels, verbose=0, return_dict=True)

    assert set(results) == {"loss", "accuracy"}
    assert results["accuracy"] == pytest.approx(4 / 6)
