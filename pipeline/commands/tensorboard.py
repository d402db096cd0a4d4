"""``mnist-pipeline tensorboard``: training curves of runs, in TensorBoard."""

import contextlib
import shutil
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import PipelineError, UsageError
from pipeline.commands.options import clean_stop, quiet_tensorflow, workspace_option
from pipeline.commands.runs import open_history

if TYPE_CHECKING:
    from pipeline.history.runs import Run, RunHistory

_HOST = "127.0.0.1"


@click.command()
@click.argument("run_ids", metavar="[RUN]...", nargs=-1)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="The port to listen on. [default: 6006, or the next one that is free]",
)
@workspace_option
def tensorboard(
    run_ids: tuple[str, ...], port: int | None, workspace: Path | None
) -> None:
    """Start TensorBoard on the training logs of each RUN.

    On that of the newest run, when none is named; a run whose training was cached shows
    the one that it took over. Only this machine can reach it; Ctrl-C ends it.
    """
    logs = find_logs(open_history(workspace), run_ids)
    quiet_tensorflow()
    # TensorBoard names a run by its folder, so each gets a link of its own name.
    with clean_stop(), tempfile.TemporaryDirectory() as folder:
        for name, log in logs.items():
            _link_or_copy(Path(folder) / name, log)
        click.echo(f"starting TensorBoard on the training of {', '.join(logs)} ...")
        url = _launch(folder, port)
        click.echo(f"{', '.join(logs)}: {url} (Ctrl-C ends it)")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def find_logs(history: "RunHistory", run_ids: Sequence[str]) -> dict[str, Path]:
    """Returns run id → folder of the logs of its training.

    A run whose training is cached shows that of an earlier one, by that one's name.

    Args:
      history: the runs of a workspace.
      run_ids: names of runs; the newest run with logs, when there is none.

    Raises:
      UsageError: there is no such run, or it has no training logs.
    """
    runs = [history.run(run_id) for run_id in run_ids]
    if not runs:
        runs = [run for run in history.runs if _log(run)][-1:]
    if not runs:
        raise UsageError(
            "Expected a run with training logs. Received: no run that trained. "
            "'mnist-pipeline run' makes one; --workspace names another place."
        )
    if missing := [run.run_id for run in runs if _log(run) is None]:
        raise UsageError(
            f"Expected runs with training logs. Received: {', '.join(missing)}, which "
            "did not come to train, or whose logs are gone. 'mnist-pipeline runs show "
            f"{missing[0]}' says how far it came."
        )
    logs = ((run, _log(run)) for run in runs)
    return {_trained_in(history, run): log for run, log in logs if log}


def _log(run: "Run") -> Path | None:
    artifact = run.output("Trainer", "model_run")
    if artifact is None or not Path(artifact.uri).is_dir():
        return None
    return Path(artifact.uri).absolute()


def _trained_in(history: "RunHistory", run: "Run") -> str:
    """Returns the run that made the logs which a run shows."""
    logs = run.output("Trainer", "model_run")
    maker = history.maker(logs.id) if logs else None
    return maker.run_id if maker else run.run_id


def _link_or_copy(link: Path, folder: Path) -> None:
    try:
        link.symlink_to(folder)
    except (OSError, NotImplementedError):
        # Temporary files may lie where there are no links.
        shutil.copytree(folder, link)


def _launch(folder: str, port: int | None) -> str:
    """Starts the server in this process; returns its URL."""
    # TensorBoard 2.16 imports pkg_resources, which says that it is deprecated.
    warnings.filterwarnings("ignore", message="pkg_resources")
    from tensorboard import program

    board = program.TensorBoard()
    arguments = ["--logdir", folder, "--host", _HOST, "--load_fast", "false"]
    if port is not None:
        arguments += ["--port", str(port)]
    try:
        # The first one would be the name of the program.
        board.configure([None, *arguments])
        return board.launch()
    except program.TensorBoardServerException as error:
        raise PipelineError(
            f"Expected to start TensorBoard on {_HOST}. Received: {error}. Name "
            "another port with --port."
        ) from error
