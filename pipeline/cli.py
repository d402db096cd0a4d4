"""The ``mnist-pipeline`` command: subcommands, and errors as one clear message."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import click

from components.errors import PipelineError
from pipeline.commands.convert import convert
from pipeline.commands.data import data
from pipeline.commands.doctor import doctor
from pipeline.commands.evaluate import evaluate
from pipeline.commands.infer_schema import infer_schema
from pipeline.commands.kubeflow import kubeflow
from pipeline.commands.models import models
from pipeline.commands.predict import predict
from pipeline.commands.quarantine import quarantine
from pipeline.commands.report import report
from pipeline.commands.run import run
from pipeline.commands.runs import runs
from pipeline.commands.settings import settings
from pipeline.commands.suspects import suspects
from pipeline.commands.tensorboard import tensorboard
from pipeline.commands.workspace import workspace
from pipeline.environment.locale_independence import be_independent_of_locale


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        python = platform.python_version()
        names = ("mnist-tfx-pipeline", "tfx", "tensorflow", "keras")
        ours, *libraries = (f"{name} {_version_of(name)}" for name in names)
        click.echo(f"{ours}, python {python}, {', '.join(libraries)}")
        context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the versions of this, Python, TFX, TensorFlow and Keras.",
)
def cli() -> None:
    """From MNIST TFRecords to a validated, pushed model, with TFX."""


for command in (
    run,
    report,
    predict,
    evaluate,
    runs,
    tensorboard,
    models,
    data,
    workspace,
    settings,
    kubeflow,
    doctor,
):
    cli.add_command(command)
data.add_command(convert)
data.add_command(infer_schema)
data.add_command(suspects)
data.add_command(quarantine)


def _list_in_full(group: click.Group) -> None:
    """Lists each command with its whole first sentence, which click would cut."""
    for command in group.commands.values():
        first, _, _ = (command.help or "").partition("\n\n")
        command.short_help = command.short_help or " ".join(first.split())
        if isinstance(command, click.Group):
            _list_in_full(command)


_list_in_full(cli)


def main() -> None:
    """Runs the command; a ``PipelineError`` becomes its message and exit code."""
    be_independent_of_locale()
    try:
        cli()
    except PipelineError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
