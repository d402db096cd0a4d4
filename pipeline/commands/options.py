"""Options and settings that several commands share."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import click

Command = Callable[..., None]

workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The workspace of the pipeline.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, nothing else."
)
model_option = click.option(
    "--model",
    "version",
    metavar="VERSION",
    type=click.IntRange(1),
    help="The version to use. [default: the newest, which serves]",
)


def of_one_store(command: Command) -> Command:
    """Adds the options that say which folder of versions is meant."""
    pipeline = click.option("--pipeline", metavar="NAME", help="The pipeline's name.")
    return workspace_option(pipeline(command))


def quiet_tensorflow() -> None:
    """Keeps TensorFlow's greeting off the screen; its errors are exceptions."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
