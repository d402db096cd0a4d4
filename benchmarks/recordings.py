"""Takes figures over from what commands printed; ``benchmarks.docs`` calls it."""

import json
import platform
import re
from datetime import date
from pathlib import Path

from benchmarks.blocks import read
from benchmarks.machine import current_commit
from benchmarks.pages import HERE
from components.durable import replace_text
from components.errors import UsageError

# As pytest prints them.
_PYTHON = re.compile(r"^platform .* -- Python ((\d+\.\d+)\.\d+)", re.M)
_END = re.compile(r"^=+ (?=.*\d+ passed)(.*) in .*s.* =+$", re.M)
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)")


def record_sample(printed: Path) -> None:
    """Puts what a run printed into ``sample.json``.

    Args:
      printed: a text file, as ``make run 2>&1 | tee FILE`` writes it; the summary
        of the run is still where the last line says.

    Raises:
      UsageError: it is not what a run prints, or its summary is gone.
    """
    _, start, rest = printed.read_text(encoding="utf-8").partition("run 20")
    lines = f"{start}{rest}".strip().splitlines()
    report = Path(lines[-1] if lines else "")
    summary_file = report.with_name("summary.json") if report.name else report
    if report.name != "index.html" or not summary_file.is_file():
        raise UsageError(
            f"Expected {printed} to be what `mnist-pipeline run` printed, to its last "
            "line, the path of the report, with summary.json beside it. Received: "
            f"{lines[-1] if lines else 'no line of a run'!r}. Record with "
            "`make run 2>&1 | tee FILE`."
        )
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    # Where the workspace lies is no business of a reader.
    base = f"{report.parents[2].parent}/"
    machine = summary["machine"]
    sample = {
        "output": "\n".join(lines).replace(base, ""),
        "date": summary["started"][:10],
        "commit": (summary["commit"] or "unknown")[:7],
        "tfx": summary["versions"]["tfx"],
        "machine": (
            f"{machine['processor']}, {machine['cores']} cores, "
            f"{machine['memory_gb']:.0f} GB"
        ),
    }
    _write("sample.json", sample)


def record_tests(printed: Path, where: str | None, commit: str | None) -> None:
    """Puts how ``make test`` ended on one TFX line into ``platforms.json``.

    Args:
      printed: a text file, as ``make test | tee FILE`` writes it.
      where: the system that it ran on; None is this one.
      commit: of the code that was tested; None is the one that is checked out.

    Raises:
      UsageError: it is not what pytest prints.
    """
    text = printed.read_text(encoding="utf-8")
    python, ends = _PYTHON.search(text), _END.findall(text)
    if not python or not ends:
        raise UsageError(
            f"Expected {printed} to be what `make test` printed, from 'platform' to "
            "'… passed in …'. Received: another text. Record with "
            "`make test | tee FILE`."
        )
    counts = {what: int(count) for count, what in _COUNT.findall(ends[-1])}
    tested = {
        "tfx": "1.16" if python[2] == "3.10" else "1.21",
        "python": python[1],
        "platform": where or _system(),
        "passed": counts["passed"],
        "failed": counts.get("failed", 0) + counts.get("error", 0),
        "skipped": counts.get("skipped", 0),
        "commit": commit or current_commit(),
        "date": date.today().isoformat(),
    }
    others = [one for one in read("platforms.json") if one["tfx"] != tested["tfx"]]
    _write("platforms.json", sorted([*others, tested], key=lambda one: one["tfx"]))


def _system() -> str:
    if platform.system() == "Linux":
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    return platform.platform()


def _write(name: str, content: object) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    replace_text(HERE / name, f"{text}\n")
