"""Runs the pipeline on every planted defect and writes ``defects.json``.

``make defects`` calls it; the defects are the cases of ``tests/defects``, which say
what each of them must be refused for.
"""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import attrs
import click
import pytest

from benchmarks.docs import write_pages
from benchmarks.machine import current_commit, describe_machine
from benchmarks.pages import HERE, count_defects
from components.checkout import PROJECT_ROOT
from components.durable import replace_text
from pipeline.environment.tfx_line import installed_line

RESULTS = HERE / "defects.json"
CASES = "tests/defects"
CLEAN = "test_good_data"


@attrs.frozen
class Row:
    """How one case ended.

    Attributes:
      title: the defect, or the good data.
      clean: whether the data and the training are good.
      passed: a defect was seen by its check, or what is clean by none.
      skipped: why the case did not run; empty where it did.
      family: what a defect spoils.
      strength: ``error`` where the run must be refused, ``warn`` where it must be
        warned and its model pushed, ``miss`` where no gate is known to see it.
      check: fields of the check that saw a defect, if one did.
      exit_code: of the run; None where it did not end, or ended after DataGate.
      message: what is clean was told.
      seconds: wall time of the run.
    """

    title: str
    clean: bool
    passed: bool
    skipped: str = ""
    family: str = ""
    strength: str = ""
    check: dict[str, Any] | None = None
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
        self._skipped: dict[str, str] = {}
        self._properties: dict[str, dict[str, Any]] = defaultdict(dict)

    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Notes all cases, in order."""
        self._ids = ids

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notes how a case went: its set-up, the call, what comes after."""
        before = self._passed.get(report.nodeid, True)
        self._passed[report.nodeid] = before and not report.failed
        if report.skipped:
            self._skipped[report.nodeid] = report.longrepr[-1].removeprefix("Skipped: ")
        self._properties[report.nodeid].update(report.user_properties)

    def _missed(self, case: str) -> bool:
        return self._properties[case].get("strength") == "miss"

    def rows(self) -> list[Row]:
        """Returns a row for each case: the defects, then what is clean."""
        rows = [
            Row(
                title=case.partition("[")[2].removesuffix("]"),
                clean=f"{CLEAN}.py" in case,
                passed=self._passed.get(case, False) and not self._missed(case),
                skipped=self._skipped.get(case, ""),
                **self._properties[case],
            )
            for case in self._ids
        ]
        return sorted(rows, key=lambda row: row.clean)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--jobs", default=2, show_default=True, help="Runs at a time.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def main(jobs: int, pytest_args: tuple[str, ...]) -> None:
    """Plant each defect; with arguments for pytest, nothing is written."""
    collector = Collector()
    arguments = [f"--numprocesses={jobs}", "--dist=worksteal", *pytest_args]
    started = time.monotonic()
    code = pytest.main([str(PROJECT_ROOT / CASES), *arguments], plugins=[collector])
    minutes = (time.monotonic() - started) / 60
    rows = [attrs.asdict(row) for row in collector.rows()]
    click.echo(count_defects(rows))
    if pytest_args:
        click.echo(f"{RESULTS} is as it was: it is written when all cases are run")
    else:
        measured = {**_origin(jobs, minutes), "rows": rows}
        text = json.dumps(measured, indent=2, ensure_ascii=False)
        replace_text(RESULTS, f"{text}\n")
        write_pages()
        click.echo(f"wrote {RESULTS} and the pages that show it")
    sys.exit(code)


def _origin(jobs: int, minutes: float) -> dict[str, Any]:
    return {
        "tfx": installed_line().tfx,
        "machine": describe_machine(),
        "jobs": jobs,
        "minutes": round(minutes, 1),
        "commit": current_commit(),
        "date": date.today().isoformat(),
    }


if __name__ == "__main__":
    main()
