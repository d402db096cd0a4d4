"""Runs the pipeline on every planted defect and writes ``DEFECTS.md``.

``make defects`` calls it; the defects are the cases of ``tests/defects``, which say
what each of them must be refused for.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import click
import jinja2
import pytest

from benchmarks.machine import current_commit, describe_machine
from components.checkout import PROJECT_ROOT
from components.durable import replace_text
from pipeline.environment.tfx_line import installed_line

HERE = Path(__file__).resolve().parent
TABLE = HERE / "DEFECTS.md"
CASES = "tests/defects"
CLEAN = "test_good_data"


@attrs.frozen
class Row:
    """How one case ended.

    Attributes:
      title: the defect, or the good data.
      clean: whether the data and the training are good.
      passed: a defect was caught, or what is clean was pushed.
      gate: which refused, if any.
      exit_code: of the run; None where it did not end.
      message: the check that refused, and what to do next.
      seconds: wall time of the run.
    """

    title: str
    clean: bool
    passed: bool
    gate: str = "none"
    exit_code: int | None = None
    message: str = ""
    seconds: float | None = None


class Collector:
    """A plug-in of pytest's that gathers the rows from the workers' reports.

    Every case that was collected has a row: one whose worker died did not pass.
    """

    def __init__(self) -> None:
        self._ids: Sequence[str] = ()
        self._passed: dict[str, bool] = {}
        self._properties: dict[str, dict[str, Any]] = defaultdict(dict)

    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Notes all cases, in order."""
        self._ids = ids

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes how a case went: its set-up, the call, what comes after."""
        before = self._passed.get(report.nodeid, True)
        self._passed[report.nodeid] = before and report.passed
        self._properties[report.nodeid].update(report.user_properties)

    def rows(self) -> list[Row]:
        """Returns a row for each case: the defects, then what is clean."""
        rows = [
            Row(
                title=case.partition("[")[2].removesuffix("]"),
                clean=f"{CLEAN}.py" in case,
                passed=self._passed.get(case, False),
                **self._properties[case],
            )
            for case in self._ids
        ]
        return sorted(rows, key=lambda row: row.clean)


def render(rows: Sequence[Row], about: str) -> str:
    """Returns the content of ``DEFECTS.md``.

    Args:
      rows: one for each case.
      about: where, when and how long they ran.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    defects = [row for row in rows if not row.clean]
    clean = [row for row in rows if row.clean]
    return environment.get_template("DEFECTS.md.j2").render(
        rows=rows,
        about=about,
        caught=sum(row.passed for row in defects),
        total=len(defects),
        false_alarms=sum(not row.passed for row in clean),
        clean_runs=len(clean),
    )


def _cell(text: str) -> str:
    """Keeps a text in one cell of a table, as it is."""
    escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return escaped.replace("\n", "<br>")


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--jobs", default=2, show_default=True, help="Runs at a time.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def main(jobs: int, pytest_args: tuple[str, ...]) -> None:
    """Plant each defect; with arguments for pytest, the table is not written."""
    collector = Collector()
    arguments = [f"--numprocesses={jobs}", "--dist=worksteal", *pytest_args]
    started = time.monotonic()
    code = pytest.main([str(PROJECT_ROOT / CASES), *arguments], plugins=[collector])
    minutes = (time.monotonic() - started) / 60
    text = render(collector.rows(), _about(jobs, minutes))
    click.echo(text.splitlines()[-1])
    if pytest_args:
        click.echo(f"{TABLE} is as it was: it is written when all cases are asked for")
    else:
        replace_text(TABLE, text)
        click.echo(f"wrote {TABLE}")
    sys.exit(code)


def _about(jobs: int, minutes: float) -> str:
    return (
        f"TFX {installed_line().tfx}, {describe_machine()}, {jobs} runs at a time, "
        f"{minutes:.1f} minutes in all; {current_commit()}, {date.today().isoformat()}"
    )


if __name__ == "__main__":
    main()
