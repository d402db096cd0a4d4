"""Plain dictionaries become settings, and anything doubtful is refused."""

import dataclasses
import math

import pytest
from pydantic import ValidationError

from components.hyperparameters import (
    AugmentHyperparameters,
    EpochSize,
    ModelHyperparameters,
    TrainHyperparameters,
    epoch_size,
    from_dict,
)


def problem(kind: type, values: dict) -> tuple[tuple, str]:
    """Where the one problem is, and its type."""
    with pytest.raises(ValidationError) as caught:
        from_dict(kind, values)
    [error] = caught.value.errors()
    return error["loc"], error["type"]


def test_a_list_becomes_a_tuple() -> None:
    settings = from_dict(ModelHyperparameters, {"hidden_units": [8, 4]})

    assert settings == ModelHyperparameters(hidden_units=(8, 4))
    assert isinstance(settings.hidden_units, tuple)


def test_nested_settings_are_laid_over_their_defaults() -> None:
    settings = from_dict(TrainHyperparameters, {"augment": {"rotation": 3.5}})

    assert settings.augment == AugmentHyperparameters(rotation=3.5)
    assert settings.epochs == TrainHyperparameters().epochs


@pytest.mark.parametrize(
    "settings",
    [
        ModelHyperparameters(hidden_units=(32, 16), activation="tanh", dropout=0.25),
        TrainHyperparameters(
            optimizer="sgd",
            seed=7,
            augment=AugmentHyperparameters(enabled=False, elastic=0.0),
        ),
    ],
)
def test_settings_survive_the_way_through_custom_config(settings) -> None:
    assert from_dict(type(settings), dataclasses.asdict(settings)) == settings


@pytest.mark.parametrize(
    ("kind", "values", "location"),
    [
        (ModelHyperparameters, {"layers": 2}, ("layers",)),
        (TrainHyperparameters, {"learning-rate": 0.1}, ("learning-rate",)),
        (TrainHyperparameters, {"augment": {"rotate": 1.0}}, ("augment", "rotate")),
    ],
)
def test_an_unknown_key_is_refused(kind, values, location) -> None:
    assert problem(kind, values) == (location, "unexpected_keyword_argument")


@pytest.mark.parametrize(
    ("kind", "values", "location", "error"),
    [
        (TrainHyperparameters, {"epochs": "3"}, ("epochs",), "int_type"),
        (TrainHyperparameters, {"epochs": 3.0}, ("epochs",), "int_type"),
        (TrainHyperparameters, {"epochs": True}, ("epochs",), "int_type"),
        (TrainHyperparameters, {"seed": None}, ("seed",), "int_type"),
        (TrainHyperparameters, {"warmup": "0.1"}, ("warmup",), "float_type"),
        (TrainHyperparameters, {"warmup": False}, ("warmup",), "float_type"),
        (
            ModelHyperparameters,
            {"batch_normalization": 1},
            ("batch_normalization",),
            "bool_type",
        ),
        (ModelHyperparameters, {"hidden_units": 8}, ("hidden_units",), "tuple_type"),
        (
            ModelHyperparameters,
            {"hidden_units": [8, True]},
            ("hidden_units", 1),
            "int_type",
        ),
        (
            TrainHyperparameters,
            {"augment": {"enabled": "yes"}},
            ("augment", "enabled"),
            "bool_type",
        ),
    ],
)
def test_a_wrong_type_is_refused(kind, values, location, error) -> None:
    assert problem(kind, values) == (location, error)


@pytest.mark.parametrize(
    ("kind", "values", "error"),
    [
        (TrainHyperparameters, {"epochs": 0}, "greater_than_equal"),
        (TrainHyperparameters, {"batch_size": -1}, "greater_than_equal"),
        (TrainHyperparameters, {"learning_rate": 0.0}, "greater_than"),
        (TrainHyperparameters, {"warmup": 1.0}, "less_than"),
        (TrainHyperparameters, {"weight_decay": -0.1}, "greater_than_equal"),
        (TrainHyperparameters, {"seed": 2**31}, "less_than"),
        (TrainHyperparameters, {"max_examples": -1}, "greater_than_equal"),
        (TrainHyperparameters, {"optimizer": "lion"}, "literal_error"),
        (TrainHyperparameters, {"schedule": "linear"}, "literal_error"),
        (ModelHyperparameters, {"dropout": 1.0}, "less_than"),
        (ModelHyperparameters, {"activation": "softmax"}, "literal_error"),
        (ModelHyperparameters, {"hidden_units": []}, "too_short"),
        (ModelHyperparameters, {"hidden_units": [8, 0]}, "greater_than_equal"),
        (TrainHyperparameters, {"learning_rate": math.inf}, "finite_number"),
        (TrainHyperparameters, {"learning_rate": math.nan}, "finite_number"),
        (TrainHyperparameters, {"weight_decay": math.inf}, "finite_number"),
        (TrainHyperparameters, {"warmup": math.nan}, "finite_number"),
        (TrainHyperparameters, {"precision": "float16"}, "literal_error"),
        (TrainHyperparameters, {"average_weights": 1.0}, "less_than"),
        (TrainHyperparameters, {"memory_limit": 0}, "greater_than_equal"),
        (AugmentHyperparameters, {"rotation": -1.0}, "greater_than_equal"),
        (AugmentHyperparameters, {"elastic": math.inf}, "finite_number"),
        (AugmentHyperparameters, {"contrast": -0.1}, "greater_than_equal"),
        (AugmentHyperparameters, {"thickness": 1.1}, "less_than_equal"),
        (AugmentHyperparameters, {"flip": 1.5}, "less_than_equal"),
        (AugmentHyperparameters, {"fade_from": 1.0}, "less_than"),
        (AugmentHyperparameters, {"fade_to": 1.1}, "less_than_equal"),
        (ModelHyperparameters, {"first_weights": "ones"}, "literal_error"),
    ],
)
def test_a_value_out_of_range_is_refused(kind, values, error) -> None:
    assert problem(kind, values)[1] == error


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"schedule": "trapezoid", "warmup": 0.5, "decay_start": 0.4},
            "Expected decay_start to be at least warmup",
        ),
        ({"patience": 2, "use_val": True}, "Expected patience to be 0 with use_val"),
        ({"patience": 2, "average_weights": 0.9}, "Expected patience to be 0 with"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(values, message) -> None:
    with pytest.raises(ValidationError, match=message):
        from_dict(TrainHyperparameters, values)


def test_all_problems_are_found_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        from_dict(TrainHyperparameters, {"epochs": 0, "batch_size": "x", "extra": 1})

    assert caught.value.error_count() == 3


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainHyperparameters().epochs = 3


@pytest.mark.parametrize(
    ("count", "batch_size", "min_steps", "expected"),
    [
        (55_000, 256, 80, EpochSize(256, 1, 214)),
        (1_458, 256, 80, EpochSize(256, 16, 80)),
        (1_458, 256, 81, EpochSize(256, 17, 85)),
        (500, 512, 3, EpochSize(500, 3, 3)),
        (1, 512, 1, EpochSize(1, 1, 1)),
    ],
)
def test_an_epoch_has_at_least_the_steps_that_are_asked_for(
    count: int, batch_size: int, min_steps: int, expected: EpochSize
) -> None:
    assert epoch_size(count, batch_size, min_steps) == expected
    assert expected.examples == expected.steps * expected.batch_size
