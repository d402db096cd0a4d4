"""Compares training here with a bare Keras script, both without augmentation.

``python -m benchmarks.feeding`` prints examples per second of both, measured in turn,
each in a process of its own, and the ratios pair by pair. It shows what reading,
transforming, shuffling, checkpoints and progress cost beside ``model.fit`` on arrays.
"""

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from components.checkout import PROJECT_ROOT
from components.image_spec import MNIST
from pipeline.config import Config, load_config

OURS, BARE = "this pipeline", "bare Keras"
# The time of a short training is taken from that of a long one: what is left is
# epochs, without compilation.
_SHORT = 1


@click.command()
@click.option("--preset", default="default", show_default=True)
@click.option("--epochs", default=5, show_default=True, help="Epochs to time.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--measure", type=click.Choice([OURS, BARE]), hidden=True)
def main(preset: str, epochs: int, rounds: int, measure: str | None) -> None:
    """Compare examples per second with those of a bare Keras script."""
    if measure:
        config = load_config(preset, overrides=["train.augment.enabled=false"])
        print(json.dumps(_rate(config, epochs, _ours if measure == OURS else _bare)))
        return
    options = ["--preset", preset, "--epochs", str(epochs)]
    ratios = []
    for index in range(rounds):
        rates = {
            name: _in_process(*options, "--measure", name) for name in (OURS, BARE)
        }
        ratios.append(rates[OURS] / rates[BARE])
        shown = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items())
        click.echo(f"round {index + 1} of {rounds}: {shown}, ratio {ratios[-1]:.2f}")
    click.echo(f"median ratio {statistics.median(ratios):.2f}")


def _in_process(*args: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.feeding", *args],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return json.loads(done.stdout)


def _rate(config: Config, epochs: int, fit) -> float:
    """Examples per second of ``epochs`` epochs."""
    seconds, examples = [], 0
    for count in (_SHORT, _SHORT + epochs):
        train = dataclasses.replace(config.train, epochs=count)
        taken, examples = fit(dataclasses.replace(config, train=train))
        seconds.append(taken)
    return epochs * examples / (seconds[1] - seconds[0])


def _ours(config: Config) -> tuple[float, int]:
    """Trains as the Trainer does; returns seconds, and examples in an epoch."""
    from benchmarks.accuracy_seed import load_training_data
    from components.hyperparameters import epoch_size
    from components.training.checkpoints import CheckpointStore
    from components.training.precision import choose_precision
    from components.training.trainer import Recipe, train

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = load_training_data(str(config.data), config.train, folder)
        recipe = Recipe(
            config.model, config.train, choose_precision(config.train.precision)
        )
        started = time.monotonic()
        train(recipe, data, folder / "run", CheckpointStore(folder, "feeding"))
        seconds = time.monotonic() - started
    size = epoch_size(data.train.count, config.train.batch_size, config.train.min_steps)
    return seconds, size.examples


def _bare(config: Config) -> tuple[float, int]:
    """Fits the same network to arrays; returns seconds, and examples in an epoch."""
    import keras
    import numpy as np

    from components.examples import read_examples
    from components.training.model import build_model, compile_model
    from components.training.precision import choose_precision

    arrays = {}
    for split in ("train", "val"):
        images, labels = read_examples(MNIST, [f"{config.data}/{split}/*.tfrecord.gz"])
        scaled = images.astype(np.float32) / 255
        arrays[split] = scaled, keras.utils.to_categorical(labels, 10)
    settings, count = config.train, len(arrays["train"][0])
    started = time.monotonic()
    model = build_model(MNIST, config.model, choose_precision(settings.precision))
    compile_model(model, settings, count // settings.batch_size * settings.epochs)
    model.fit(
        *arrays["train"],
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        validation_data=arrays["val"],
        verbose=0,
    )
    return time.monotonic() - started, count


if __name__ == "__main__":
    main()
