"""Options and settings that several commands share."""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from components.checkout import PROJECT_ROOT
from pipeline.config import PRESETS

BUNDLED = PROJECT_ROOT / "data" / "mnist"
Command = Callable[..., None]
FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(path_type=Path)

workspace_option = click.option(
    "--workspace",
    type=click.Path(file_okay=False, path_type=Path),
    help="The workspace of the pipeline.",
)
data_argument = click.argument("folder", metavar="[DIR]", default=BUNDLED, type=FOLDER)
schema_option = click.option(
    "--schema",
    default=PROJECT_ROOT / "schema" / "schema.pbtxt",
    type=FOLDER,
    help="Says what a record must hold; ours unless given.",
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


class ListsByDefault(click.Group):
    """A group that takes its bare name for its ``list``, options included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts ``list`` in front where no subcommand is named."""
        option = bool(args) and args[0].startswith("-")
        if not args or (option and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def of_one_store(command: Command) -> Command:
    """Adds the options that say which folder of versions is meant."""
    pipeline = click.option("--pipeline", metavar="NAME", help="The pipeline's name.")
    return workspace_option(pipeline(command))


def settings_options(command: Command) -> Command:
    """Adds the options that say which settings are meant."""
    for option in (
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="One setting.",
        ),
        click.option("--config", "file", type=FILE, help="A TOML file of settings."),
        click.option(
            "--preset",
            default="default",
            show_default=True,
            help=f"{', '.join(PRESETS)}.",
        ),
    ):
        command = option(command)
    return command


def quiet_tensorflow() -> None:
    """Keeps TensorFlow's greeting off the screen; its errors are exceptions."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")


def quiet_pillow() -> None:
    """Keeps Pillow's remarks on odd pictures off the screen; its errors are told."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("PIL").setLevel(logging.CRITICAL)


@contextmanager
def clean_stop() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP unwind like Ctrl-C, so that no half file is left."""
    previous = {
        number: handler
        for number in (signal.SIGTERM, signal.SIGHUP)
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    for number in previous:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
