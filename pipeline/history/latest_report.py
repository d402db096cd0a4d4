"""``reports/latest``: a link to the newest report or, where there are no links, a file.

exFAT and some network shares know no symbolic links. The file then holds the name of
the run. Whatever reads or writes ``latest`` does it here.
"""

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

from components.durable import replace_text
from components.errors import UsageError
from pipeline.summary import SUMMARY_FILE, read_summary_with_content

LATEST = "latest"


def point_latest(reports: Path, run_id: str) -> None:
    """Makes ``latest`` lead to a report, without a moment in which it is missing.

    Args:
      reports: holds a folder for each run.
      run_id: names the run.

    Raises:
      OSError: neither a link nor a file can be made.
    """
    latest = reports / LATEST
    if latest.is_dir() and not latest.is_symlink():
        _set_aside(latest, run_id)
    fresh = reports / f".{LATEST}-{run_id}"
    fresh.unlink(missing_ok=True)
    try:
        fresh.symlink_to(run_id)
    except (OSError, NotImplementedError):
        replace_text(latest, f"{run_id}\n")
        return
    fresh.replace(latest)


def latest_run(reports: Path) -> str | None:
    """Returns the run that ``latest`` leads to; None where no run has a report.

    Where it leads nowhere, it is the run whose summary was written last.
    """
    run_id = _named(reports / LATEST)
    if run_id and (reports / run_id / SUMMARY_FILE).is_file():
        return run_id
    summaries = [
        file
        for file in reports.glob(f"*/{SUMMARY_FILE}")
        if file.is_file() and file.parent.name != LATEST
    ]
    newest = max(summaries, key=lambda file: file.stat().st_mtime, default=None)
    return newest.parent.name if newest else None


def named_summary(reports: Path, run_id: str) -> dict[str, Any]:
    """Returns the ``summary.json`` of a run, checked.

    Args:
      reports: holds a folder for each run.
      run_id: names the run; ``latest`` is the one that ``latest_run`` finds.

    Raises:
      UsageError: there is no such run.
      PipelineError: the file is damaged, or that of another run.
    """
    if run_id == LATEST:
        run_id = latest_run(reports) or LATEST
    found = None
    if Path(run_id).name == run_id:
        found = read_summary_with_content(reports, run_id)
    if not found:
        files = reports.glob(f"*/{SUMMARY_FILE}")
        known = sorted({file.parent.name for file in files} - {LATEST})
        raise UsageError(
            f"Expected a run with a report in {reports}. Received: {run_id}. "
            f"Known runs: {', '.join(known) or 'none; start with mnist-pipeline run'}."
        )
    return found[1]


def _named(latest: Path) -> str | None:
    """Returns the run that ``latest`` names, whatever kind of thing it is."""
    try:
        if latest.is_symlink():
            return latest.readlink().name
        if latest.is_dir():
            summary = json.loads((latest / SUMMARY_FILE).read_text(encoding="utf-8"))
            name = summary["run_id"]
        else:
            name = latest.read_text(encoding="utf-8").strip()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(name, str) or name != Path(name).name or name == LATEST:
        return None
    return name


def _set_aside(latest: Path, run_id: str) -> None:
    """Makes room where a copy without links has left a folder.

    It goes where the report that it is a copy of has its own place.
    """
    own = latest.with_name(_named(latest) or f"{LATEST}-before-{run_id}")
    if (own / SUMMARY_FILE).is_file():
        shutil.rmtree(latest)
        return
    with contextlib.suppress(OSError):
        own.rmdir()
    latest.rename(own)
