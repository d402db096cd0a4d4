"""``mnist-pipeline kubeflow``: compile, submit, schedule and list runs of a cluster."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from components.errors import UsageError
from pipeline.commands.options import (
    FILE,
    Command,
    json_option,
    quiet_tensorflow,
    settings_options,
)
from pipeline.config import Config, flatten, load_config, read_settings

if TYPE_CHECKING:
    from pipeline.cluster.client import KubeflowClient

# Of this machine; in the cluster they are others.
_PATHS = {"data": "--data", "workspace": "--set kubeflow.workspace=PATH"}


@attrs.frozen
class Wanted:
    """What is to be compiled.

    Attributes:
      config: as the cluster runs it.
      overrides: ``KEY=VALUE`` of all settings but those of ``kubeflow``.
    """

    config: Config
    overrides: list[str]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the pipeline."""
        return {
            "preset": self.config.preset,
            "data": self.config.kubeflow.data,
            "overrides": self.overrides,
        }


def pipeline_options(command: Command) -> Command:
    """Adds the options that say what is compiled; they come as one ``Wanted``."""
    for option in (
        click.option(
            "--data", help="Folder or file:// URI of the data in the cluster."
        ),
        click.option("--image", help="The image of every task."),
    ):
        command = option(command)
    return settings_options(command)


def cluster_options(command: Command) -> Command:
    """Adds the options that say which cluster is meant."""
    for option in (
        click.option(
            "--token-file", type=FILE, help="Holds the token sent with each request."
        ),
        click.option("--namespace", help="Yours, where the cluster has many users."),
        click.option(
            "--host", required=True, metavar="URL", help="The Kubeflow Pipelines API."
        ),
    ):
        command = option(command)
    return command


@click.group()
def kubeflow() -> None:
    """Run the pipeline on Kubeflow Pipelines v2.

    Each node runs in a container of its own.

    docs/kubeflow.md says how a cluster gets ready for it.
    """


@kubeflow.command("compile")
@click.option("--out", type=FILE, help="The file to write. [default: <name>.yaml]")
@pipeline_options
def compile_command(out: Path | None, **options: Any) -> None:
    """Write the pipeline as a YAML file that Kubeflow Pipelines takes."""
    wanted = find_wanted(**options)
    out = out or Path(f"{wanted.config.pipeline}.yaml")
    if out.suffix not in (".yaml", ".yml"):
        raise UsageError(
            f"Expected --out to end in .yaml, which KFP asks for. Received: {out}."
        )
    if not out.absolute().parent.is_dir():
        raise UsageError(f"Expected the folder of --out to exist. Received: {out}.")
    with compiled(wanted) as file:
        from components.durable import replace_text

        replace_text(out, file.read_text(encoding="utf-8"))
    click.echo(out)


@kubeflow.command()
@click.option("--name", help="What people see. [default: <pipeline> and the time]")
@cluster_options
@pipeline_options
def submit(
    name: str | None,
    host: str,
    namespace: str | None,
    token_file: Path | None,
    **options: Any,
) -> None:
    """Compile the pipeline and run it once."""
    wanted = find_wanted(**options)
    name = name or f"{wanted.config.pipeline} {datetime.now():%Y-%m-%d %H:%M:%S}"
    client = connect(wanted.config, host, namespace, token_file)
    with compiled(wanted) as file:
        run_id = client.submit(file, name, wanted.parameters)
    click.echo(f"submitted run {run_id}\n{client.url(run_id)}")


@kubeflow.command()
@click.option("--cron", help="When, as in '0 3 * * *': each night at 3, UTC.")
@click.option(
    "--enable/--disable",
    "enabled",
    default=None,
    help="Let it start runs, or not; without --cron, the schedule that is there.",
)
@click.option("--name", help="Of the schedule. [default: <pipeline>-schedule]")
@cluster_options
@pipeline_options
def schedule(
    cron: str | None,
    enabled: bool | None,
    name: str | None,
    host: str,
    namespace: str | None,
    token_file: Path | None,
    **options: Any,
) -> None:
    """Compile the pipeline and run it on a schedule.

    One run at a time.

    A schedule of the same name is replaced.
    """
    if cron is None and enabled is None:
        raise UsageError(
            "Expected --cron, or --enable or --disable for the schedule that is there. "
            "Received: neither. Each night at 3 is --cron '0 3 * * *'."
        )
    wanted = find_wanted(**options)
    name = name or f"{wanted.config.pipeline}-schedule"
    from pipeline.cluster.client import kfp_cron

    when = kfp_cron(cron) if cron is not None else None
    client = connect(wanted.config, host, namespace, token_file)
    state = "disabled" if enabled is False else "enabled"
    if when is None:
        client.switch(name, enabled is True)
        click.echo(f"{state} schedule {name}")
        return
    with compiled(wanted) as file:
        client.schedule(file, name, wanted.parameters, when, enabled is not False)
    click.echo(f"made schedule {name}, {state}: {cron}")


@kubeflow.command()
@click.option("--count", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--pipeline", metavar="NAME", help="The pipeline's name.")
@json_option
@cluster_options
def runs(
    count: int,
    pipeline: str | None,
    as_json: bool,
    host: str,
    namespace: str | None,
    token_file: Path | None,
) -> None:
    """Show the latest runs of the cluster, newest first."""
    config = load_config(pipeline=pipeline)
    found = connect(config, host, namespace, token_file).runs(count)
    if as_json:
        rows = [{**attrs.asdict(run), "created": str(run.created)} for run in found]
        click.echo(json.dumps(rows, indent=2))
        return
    for run in found:
        took = "" if run.seconds is None else f"{run.seconds:.0f} s"
        created = f"{run.created:%Y-%m-%d %H:%M}" if run.created else "-"
        click.echo(f"{run.id}  {run.state:<10} {created}  {took:>7}  {run.name}")
    if not found:
        click.echo("no runs yet; start one with mnist-pipeline kubeflow submit")


def find_wanted(
    preset: str,
    file: Path | None,
    overrides: tuple[str, ...],
    image: str | None,
    data: str | None,
) -> Wanted:
    """Returns what the options of ``pipeline_options`` ask for.

    Raises:
      UsageError: wrong settings, or a path that holds only on this machine.
    """
    given = {"image": image, "data": data}
    values = read_settings(file, overrides)
    for name, instead in _PATHS.items():
        if name in values:
            raise UsageError(
                "Expected settings that hold in the cluster. Received: "
                f"{name} = {values[name]!r}, a folder of this machine. Use {instead}."
            )
    table = {**values.pop("kubeflow", {})}
    table.update({name: value for name, value in given.items() if value is not None})
    config = load_config(preset, file, overrides, kubeflow=table)
    # JSON of such values is TOML as well.
    flat = [f"{key}={json.dumps(value)}" for key, value in flatten(values).items()]
    return Wanted(config, flat)


@contextmanager
def compiled(wanted: Wanted) -> Iterator[Path]:
    """Compiles the pipeline into a file that is there for a while."""
    quiet_tensorflow()
    from pipeline.cluster.runner import compile_pipeline, read_graph
    from pipeline.definition import create_pipeline
    from pipeline.digests import NO_DIGESTS

    graph = read_graph(create_pipeline(wanted.config, NO_DIGESTS))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        compile_pipeline(graph, wanted.config, wanted.overrides, file)
        yield file


def connect(
    config: Config, host: str, namespace: str | None, token_file: Path | None
) -> "KubeflowClient":
    """Returns a client of the cluster.

    Raises:
      PipelineError: the token cannot be read, or the cluster does not answer.
    """
    token = None
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise UsageError(
                "Expected --token-file to name a readable file. "
                f"Received: {token_file} ({reason})."
            ) from None
    from pipeline.cluster.client import KubeflowClient

    return KubeflowClient(host, config.pipeline, namespace, token)
