"""Measures how accurate the presets are: a process for each seed, without the gates.

``make accuracy`` runs it. It adds what it measured to ``accuracy.json`` and writes the
pages that show it. A seed that was measured with the same code, data and settings is
not measured again, so that a long measurement can be broken off.
"""

import dataclasses
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from benchmarks.docs import write_pages
from benchmarks.figures import percent
from benchmarks.machine import current_commit, describe_machine
from benchmarks.pages import HERE
from components.checkout import PROJECT_ROOT
from components.durable import replace_text
from pipeline.config import PRESETS, Config, load_config
from pipeline.digests import files_digest, source_digest
from pipeline.environment.tfx_line import installed_line

RESULTS = HERE / "accuracy.json"

Entry = dict[str, Any]


@click.command()
@click.option(
    "--preset",
    "presets",
    multiple=True,
    default=("default", "accurate"),
    show_default=True,
    type=click.Choice(list(PRESETS)),
)
@click.option("--seeds", default=3, show_default=True, help="Seeds 0, 1, 2, ...")
@click.option("--data", type=click.Path(path_type=Path), help="Another data set.")
@click.option("--config", "file", type=click.Path(path_type=Path), help="TOML file.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE")
@click.option(
    "--val-only",
    is_flag=True,
    help="To choose settings: leave the test split alone and record nothing.",
)
def main(
    presets: Sequence[str],
    seeds: int,
    data: Path | None,
    file: Path | None,
    overrides: tuple[str, ...],
    val_only: bool,
) -> None:
    """Measure the accuracy of presets on this machine."""
    if overrides and not val_only:
        raise click.UsageError(
            "Expected --set to come with --val-only: what is recorded is a preset, "
            "or a preset with a --config file."
        )
    for preset in presets:
        for seed in range(seeds):
            config = load_config(
                preset, file, [*overrides, f"train.seed={seed}"], data=data
            )
            if val_only:
                click.echo(_title(config, file) + _figures(run_seed(config, False)))
            else:
                measure(config, file)


def measure(config: Config, file: Path | None) -> None:
    """Measures a seed and records it, unless it is recorded already."""
    entries = (
        json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    )
    digest = recipe_digest(config)
    known = [entry for entry in entries if entry["digest"] == digest]
    if known:
        click.echo(f"{_title(config, file)}measured on {known[0]['date']}")
        return
    entry = {
        "data": config.data.name,
        "preset": config.preset,
        "config": file.name if file else None,
        "seed": config.train.seed,
        "digest": digest,
        **run_seed(config, read_test=True),
        "settings": settings_of(config),
        "tfx": installed_line().name,
        "machine": describe_machine(),
        "commit": current_commit(),
        "date": date.today().isoformat(),
    }
    entries = [*(e for e in entries if key(e) != key(entry)), entry]
    entries.sort(key=key)
    replace_text(RESULTS, json.dumps(entries, indent=2) + "\n")
    write_pages()
    click.echo(_title(config, file) + _figures(entry))


def key(entry: Entry) -> tuple[str, ...]:
    """What there is one result of: a newer one takes the place of an older one."""
    return (
        entry["data"],
        entry["preset"],
        entry["config"] or "",
        entry["tfx"],
        f"{entry['seed']:03d}",
    )


def recipe_digest(config: Config) -> str:
    """Returns the SHA-256 of the settings, the code and the data of a training."""
    parts = [
        settings_of(config),
        config.train.seed,
        source_digest("components.training.trainer", "components.training.transform"),
        files_digest(config.data.glob("*/*.tfrecord.gz")),
        installed_line().name,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def settings_of(config: Config) -> dict[str, Any]:
    """Returns the settings of a recipe, without the seed."""
    train = dataclasses.asdict(config.train)
    del train["seed"]
    return {"model": dataclasses.asdict(config.model), "train": train}


def run_seed(config: Config, read_test: bool) -> dict[str, Any]:
    """Trains and measures in a process of its own; returns its ``SeedResult``."""
    task = {
        "data": str(config.data),
        "model": dataclasses.asdict(config.model),
        "train": dataclasses.asdict(config.train),
        "read_test": read_test,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy_seed"],
        cwd=PROJECT_ROOT,
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def _title(config: Config, file: Path | None) -> str:
    recipe = f"{config.preset} with {file.name}" if file else config.preset
    return f"{recipe} on {config.data.name}, seed {config.train.seed}: "


def _figures(result: dict[str, Any]) -> str:
    return (
        f"val {percent(result['val'])}, test {percent(result['test'])}, "
        f"{result['seconds']:.0f} s"
    )


if __name__ == "__main__":
    main()
