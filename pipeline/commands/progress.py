"""The progress bar of commands that read many images."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _RateColumn(ProgressColumn):
    """Images a second; rich's own column has it only where no total is known."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} images/s")


def image_progress(redirect_stdout: bool = True) -> Progress:
    """Returns a bar with count, rate and time left, on the standard error stream.

    Args:
      redirect_stdout: print above the bar what goes to the standard output
        meanwhile; only for one that is the same terminal.
    """
    console = Console(stderr=True, emoji=False)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=redirect_stdout,
        # Without a terminal, all that it would leave is an empty line.
        disable=not console.is_terminal,
    )
