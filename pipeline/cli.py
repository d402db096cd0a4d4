"""The ``mnist-pipeline`` command: subcommands, and errors as one clear message."""

import sys

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
from pipeline.commands.report import report
from pipeline.commands.run import run
from pipeline.commands.runs import runs
from pipeline.commands.tensorboard import tensorboard
from pipeline.commands.workspace import workspace
from pipeline.locale_independence import be_independent_of_locale


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    kubeflow,
    doctor,
):
    cli.add_command(command)
data.add_command(convert)
data.add_command(infer_schema)


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
