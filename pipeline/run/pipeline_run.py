"""One run from start to end: nodes, outcome, report."""

import functools
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from rich.markup import escape

from components.durable import explain_full_disk, full_disk_error, is_disk_full
from components.errors import PipelineError
from components.gates import EXIT_CODES
from components.image_spec import read_image_spec
from pipeline.config import Config
from pipeline.definition import NODE_CODE, create_pipeline
from pipeline.digests import read_digests
from pipeline.environment.stop_signals import finish_undisturbed
from pipeline.history.latest_report import point_latest
from pipeline.local_runner import NodeResult, run_nodes
from pipeline.metadata.lineage import RunLineage
from pipeline.reporting.report import write_page, write_summary
from pipeline.reporting.text import cause
from pipeline.run.data_faults import find_data_faults
from pipeline.run.interrupted import clear_interrupted
from pipeline.run.outcome import summarize
from pipeline.run.screen import NodeScreen
from pipeline.workspace.identity import settle_workspace

_log = logging.getLogger(__name__)


@attrs.frozen
class FinishedRun:
    """How a run ended.

    Attributes:
      summary: the content of ``summary.json``.
      results: one for each node, in order.
    """

    summary: dict[str, Any]
    results: list[NodeResult]

    @property
    def exit_code(self) -> int:
        """What the command line returns."""
        return EXIT_CODES[self.summary["status"]]


def run_pipeline(
    config: Config, run_id: str, screen: NodeScreen, started: float
) -> FinishedRun:
    """Runs the pipeline, then writes ``reports/<run id>``, whatever the end.

    The caller holds the lock of the workspace, and has settled it.

    Args:
      config: of the run.
      run_id: names the run.
      screen: shows the nodes.
      started: ``time.monotonic()`` when the command began.

    Raises:
      PipelineError: the metadata cannot be used, or the disk is too full to write
        down how the run ended.
    """
    with explain_full_disk(config.workspace):
        return _run_pipeline(config, run_id, screen, started)


def _run_pipeline(
    config: Config, run_id: str, screen: NodeScreen, started: float
) -> FinishedRun:
    for line in clear_interrupted(config, run_id):
        screen.note(line)
    # Where the metadata is new it has no identity yet.
    settle_workspace(config)
    digests = read_digests(config, NODE_CODE)

    try:
        results = run_nodes(
            create_pipeline(config, digests),
            run_id,
            on_start=screen.start,
            on_end=lambda one: screen.end(one.id, one.state, one.seconds),
            explain=functools.partial(explain_failure, config),
        )
    finally:
        # Whatever comes now, the run ends with its report.
        finish_undisturbed()
    lineage = RunLineage(config.metadata, run_id)
    seconds = time.monotonic() - started
    return conclude(config, run_id, results, lineage, seconds, digests.origin, screen)


def conclude(
    config: Config,
    run_id: str,
    results: list[NodeResult],
    lineage: RunLineage,
    seconds: float,
    origin: Mapping[str, Any],
    screen: NodeScreen,
) -> FinishedRun:
    """Writes ``reports/<run id>`` for a run whose nodes have ended.

    Args:
      config: of the run.
      run_id: names the run.
      results: one for each node, in order.
      lineage: of the run.
      seconds: from start to end.
      origin: ``Digests.origin``.
      screen: shows that the report is written.
    """
    summary = summarize(config, run_id, results, lineage, seconds, origin)
    directory = config.reports / run_id
    for problem in summary.get("problems", ()):
        screen.print(f"[yellow]{escape(problem)}[/]")
    write_summary(directory, summary)
    try:
        point_latest(config.reports, run_id)
    except OSError as error:
        # The run ended as it did, and its report has a name of its own.
        _log.exception("latest could not be changed")
        screen.print(f"[yellow]reports/latest is an older run: {escape(str(error))}[/]")
    _report(directory, summary, lineage, screen)
    return FinishedRun(summary, results)


def _report(
    directory: Path, summary: dict[str, Any], lineage: RunLineage, screen: NodeScreen
) -> None:
    """Writes the page; the run ended as it did even where that fails."""
    problems = []
    try:
        with screen.step("report"):
            problems = write_page(directory, summary, lineage)
    except Exception as error:
        _log.exception("the report could not be written")
        problems = [f"There is no report: {cause(error)}"]
    for problem in problems:
        screen.print(f"[yellow]{escape(problem)}[/]")


def explain_failure(config: Config, node_id: str, error: Exception) -> Exception:
    """Says what to do about a full disk or data that a node could not read."""
    if not isinstance(error, PipelineError) and is_disk_full(error):
        return full_disk_error(config.workspace)
    if node_id in ("ExampleGen", "StatisticsGen"):
        return find_data_faults(config.data, read_image_spec(config.schema)) or error
    return error
