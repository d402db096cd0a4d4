"""Training of a report: speed from moments, settings from the configuration."""

import pytest

from pipeline.reporting.sources import Sources, UnavailableError
from pipeline.reporting.training import (
    epoch_seconds,
    examples_per_epoch,
    flat,
    mean_rate,
    recipe,
    training,
)


@pytest.mark.parametrize(
    ("available", "limit", "batch", "expected"),
    [(55000, 0, 512, 54784), (4000, 1000, 100, 1000), (500, 4000, 200, 400)],
)
def test_an_epoch_takes_whole_batches_of_what_may_be_used(
    available: int, limit: int, batch: int, expected: int
) -> None:
    settings = {"max_examples": limit, "batch_size": batch}
    summary = {"data": {"train": available}, "config": {"train": settings}}

    assert examples_per_epoch(summary) == expected


def test_examples_of_an_epoch_are_unknown_without_a_configuration() -> None:
    assert examples_per_epoch({"data": {"train": 100}}) is None


def test_epochs_last_from_one_moment_to_the_next() -> None:
    assert epoch_seconds([10.0, 15.0, 16.5]) == [5.0, 1.5]
    assert epoch_seconds([]) == []


def test_the_mean_rate_leaves_the_first_epoch_out() -> None:
    assert mean_rate(300, [100.0, 2.0, 4.0]) == 100.0


def test_the_rate_of_a_single_epoch_is_its_own() -> None:
    assert mean_rate(300, [2.0]) == 150.0


def test_epochs_and_their_rates(lineage, make_summary) -> None:
    found = training(Sources(make_summary(), lineage))

    assert found.headings == ["loss", "val_loss", "accuracy", "val_accuracy"]
    assert found.epochs[0] == (1.5, 1.0, 0.5, 0.625)
    # 48 of 50 examples in batches of 8, in 10, 2 and 4 seconds
    assert found.rates == pytest.approx([4.8, 24.0, 12.0], rel=0.02)
    assert found.rate == pytest.approx(2 * 48 / 6)
    assert "training from 1.5000 to 0.2500" in found.curves[0]


def test_without_a_configuration_the_rate_is_unknown(lineage, make_summary) -> None:
    summary = make_summary()
    del summary["config"]
    found = training(Sources(summary, lineage))

    assert (found.rate, found.rates) == (None, [None, None, None])
    with pytest.raises(UnavailableError, match="did not record its configuration"):
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


def test_settings_are_flattened_in_words() -> None:
    assert flat("a", {"b": {"c": 0.004, "d": False}, "e": [512, 256], "f": "x"}) == [
        ("a.b.c", "0.004"),
        ("a.b.d", "no"),
        ("a.e", "512, 256"),
        ("a.f", "x"),
    ]
