"""Training of a report: speed from moments, settings from the configuration."""

import base64

import pytest

from components.training.plots import AUGMENTED_FILE
from pipeline.reporting.sources import Sources, UnavailableError
from pipeline.reporting.training import (
    augmented,
    epoch_seconds,
    examples_per_epoch,
    in_line,
    mean_rate,
    recipe,
    training,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("available", "limit", "batch", "least", "expected"),
    [
        (55000, 0, 512, 1, 54784),
        (4000, 1000, 100, 1, 1000),
        (500, 4000, 200, 1, 400),
        (500, 0, 200, 5, 1200),
        (150, 0, 200, 3, 450),
    ],
)
def test_an_epoch_takes_whole_batches_of_what_may_be_used(
    available: int, limit: int, batch: int, least: int, expected: int
) -> None:
    settings = {"max_examples": limit, "batch_size": batch, "min_steps": least}
    summary = {"data": {"train": available}, "config": {"train": settings}}

    assert examples_per_epoch(summary) == expected


def test_examples_of_an_epoch_are_unknown_without_a_configuration() -> None:
    assert examples_per_epoch({"data": {"train": 100}}) is None


def test_validation_images_count_where_they_are_trained_on() -> None:
    settings = {"max_examples": 0, "batch_size": 100, "use_val": True}
    summary = {"data": {"train": 1000, "val": 250}, "config": {"train": settings}}

    assert examples_per_epoch(summary) == 1200


def test_epochs_last_from_one_moment_to_the_next() -> None:
    assert epoch_seconds([(10.0, {1: 16.5, 0: 15.0})]) == {0: 5.0, 1: 1.5}
    assert epoch_seconds([]) == {}


def test_epochs_that_another_process_trained_are_not_timed() -> None:
    # Two epochs written down at once, then two that this process trained.
    copied = (20.0, {0: 20.001, 1: 20.002})

    assert epoch_seconds([copied, (21.0, {2: 26.0, 3: 29.0})]) == {2: 5.0, 3: 3.0}


def test_the_mean_rate_leaves_the_first_epoch_out() -> None:
    # 100 examples in 1 second, then 100 in 4 seconds
    assert mean_rate([7.0, 100.0, 25.0]) == pytest.approx(200 / 5)


def test_the_mean_rate_is_of_what_is_known() -> None:
    assert mean_rate([150.0]) == pytest.approx(150.0)
    assert mean_rate([None, None, 50.0]) == pytest.approx(50.0)
    assert mean_rate([None]) is None
    assert mean_rate([]) is None


def test_epochs_and_their_rates(lineage, make_summary) -> None:
    found = training(Sources(make_summary(), lineage))

    assert found.headings == ["loss", "val_loss", "accuracy", "val_accuracy"]
    assert found.epochs[0] == (1.5, 1.0, 0.5, 0.625)
    # 48 of 50 examples in batches of 8, 7 times (train.min_steps), in 10, 2 and 4 s
    assert found.rates == pytest.approx([33.6, 168.0, 84.0], rel=0.02)
    assert found.rate == pytest.approx(7 * 2 * 48 / 6)
    assert "training from 1.5000 to 0.2500" in found.curves[0]


def test_without_a_configuration_the_rate_is_unknown(lineage, make_summary) -> None:
    summary = make_summary()
    del summary["config"]
    found = training(Sources(summary, lineage))

    assert (found.rate, found.rates) == (None, [None, None, None])
    with pytest.raises(UnavailableError, match="did not keep its configuration"):
        recipe(Sources(summary, lineage))


def test_the_recipe_has_every_hyperparameter(lineage, make_summary) -> None:
    summary = make_summary()
    settings = dict(recipe(Sources(summary, lineage)))

    assert settings["train.batch_size"] == "8"
    assert settings["model.hidden_units"] == "128"
    assert settings["train.augment.enabled"] == "yes"
    assert {name.split(".")[1] for name in settings if name.startswith("train")} == set(
        summary["config"]["train"]
    )


@pytest.mark.parametrize(
    ("model", "last"),
    [
        ({"temperature": 0.56254}, ("temperature", "0.563")),
        ({"temperature": None}, ("train.augment.fade_to", "1")),
        ({}, ("train.augment.fade_to", "1")),
    ],
    ids=["fitted", "not trained", "an older run"],
)
def test_the_recipe_ends_with_the_temperature(
    lineage, make_summary, model: dict, last: tuple[str, str]
) -> None:
    assert recipe(Sources(make_summary(model=model), lineage))[-1] == last


def test_the_plot_of_augmentation_is_that_of_the_trainer(
    lineage, make_summary, run_files
) -> None:
    content = (run_files / "Trainer" / "model_run" / AUGMENTED_FILE).read_bytes()
    found = augmented(Sources(make_summary(), lineage))

    assert base64.b64decode(found.partition(",")[2]) == content


def test_settings_are_put_in_words() -> None:
    assert [in_line(value) for value in (0.004, False, [512, 256], "x")] == [
        "0.004",
        "no",
        "512, 256",
        "x",
    ]
