"""Pages hold the figures of the JSON files, and nobody else writes them."""

import json
from pathlib import Path

import pytest

from benchmarks import recordings
from benchmarks.blocks import BLOCKS, fill, shorten
from benchmarks.docs import all_pages
from benchmarks.recordings import record_sample, record_tests
from components.checkout import PROJECT_ROOT
from components.errors import UsageError

RUN = """run 20261128-114533-a1da, preset default, log {work}/workspace/logs/x.log
  ExampleGen           done        0.3 s
  DataGate             done        0.1 s
    epoch 1/3  loss 0.7454
    epoch 2/3  loss 0.5130
    epoch 3/3  loss 0.4559
  Trainer              done       77.2 s

test accuracy 99.40 %, loss 0.0645
digit          0     1
✓ checks passed: 26 data, 12 model, 37 serving
pushed to {work}/workspace/serving/mnist/1795866428, 95.5 s
{work}/workspace/reports/20261128-114533-a1da/index.html
"""
SHOWN = """run 20261128-114533-a1da, preset default, log workspace/logs/x.log
  DataGate             done        0.1 s
    epoch 1/3  loss 0.7454
    ...
    epoch 3/3  loss 0.4559
  Trainer              done       77.2 s

test accuracy 99.40 %, loss 0.0645
✓ checks passed: 26 data, 12 model, 37 serving
pushed to workspace/serving/mnist/1795866428, 95.5 s"""
TESTS = """platform linux -- Python 3.13.5, pytest-9.2.0, pluggy-1.7.0
SKIPPED [5] tests/a.py: needs root
======== 1822 passed, 5 skipped, 2 warnings in 400.34s (0:06:40) ========
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where recordings are written."""
    monkeypatch.setattr(recordings, "HERE", tmp_path)
    return tmp_path


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    """What a run printed, with its summary."""
    report = tmp_path / "workspace" / "reports" / "20261128-114533-a1da"
    report.mkdir(parents=True)
    summary = {
        "started": "2026-11-28T11:45:33+00:00",
        "commit": "3e6d60510f03c017",
        "machine": {"processor": "A CPU", "cores": 2, "memory_gb": 25.3},
        "versions": {"tfx": "1.16.0"},
    }
    (report / "summary.json").write_text(json.dumps(summary))
    file = tmp_path / "run.txt"
    file.write_text("Set-up done in 39 s.\n" + RUN.format(work=tmp_path))
    return file


@pytest.mark.parametrize("page", all_pages(), ids=lambda file: file.name)
def test_every_page_is_what_the_json_files_give(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == all_pages()[page], f"{page} is stale or was edited: make docs"


def test_every_block_is_on_a_page() -> None:
    pages = [PROJECT_ROOT / "README.md", *(PROJECT_ROOT / "docs").glob("*.md")]
    text = "".join(file.read_text(encoding="utf-8") for file in pages)
    assert [name for name in BLOCKS if f"<!-- figures: {name} -->" not in text] == []


def test_a_block_is_replaced_and_nothing_else(monkeypatch) -> None:
    monkeypatch.setitem(BLOCKS, "one", lambda: "new")
    page = "before\n<!-- figures: one -->\nold\n<!-- end -->\nafter\n"

    filled = fill("a.md", page)

    assert filled == page.replace("old", "new")
    assert fill("a.md", filled) == filled


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("<!-- figures: none -->\n<!-- end -->\n", "Received: none."),
        ("<!-- figures: defects -->\n\n", "Received: 1 such lines"),
        ("text\n<!-- end -->\n", "followed by its '<!-- end -->'"),
    ],
)
def test_a_block_that_cannot_be_filled_is_refused(page: str, message: str) -> None:
    with pytest.raises(UsageError, match=r"a\.md") as caught:
        fill("a.md", page)
    assert message in str(caught.value)


def test_a_run_is_recorded_without_the_folder_it_ran_in(folder, printed) -> None:
    record_sample(printed)

    sample = json.loads((folder / "sample.json").read_text())
    output = sample.pop("output")
    assert sample == {
        "date": "2026-11-28",
        "commit": "3e6d605",
        "tfx": "1.16.0",
        "machine": "A CPU, 2 cores, 25 GB",
    }
    assert str(folder) not in output
    assert shorten(output) == SHOWN


def test_what_is_no_run_is_not_recorded(folder) -> None:
    file = folder / "run.txt"
    for text in ("", "Error: no data\n", RUN.format(work=folder)):
        file.write_text(text)
        with pytest.raises(UsageError, match=r"make run 2>&1 \| tee FILE"):
            record_sample(file)
    assert not (folder / "sample.json").exists()


def test_a_run_without_its_lines_is_not_recorded(folder, printed) -> None:
    """They go to the other stream than the path of the report."""
    printed.write_text(printed.read_text().splitlines()[-1])
    with pytest.raises(UsageError, match="no line of a run"):
        record_sample(printed)


def test_the_end_of_the_tests_replaces_that_of_the_same_line(
    folder, monkeypatch
) -> None:
    old = [{"tfx": "1.16", "passed": 1}, {"tfx": "1.21", "passed": 2}]
    monkeypatch.setattr(recordings, "read", lambda name: old)
    file = folder / "test.txt"
    file.write_text(TESTS)

    record_tests(file, "Debian 13", "abc")

    kept, new = json.loads((folder / "platforms.json").read_text())
    del new["date"]
    assert kept == old[0]
    assert new == {
        "tfx": "1.21",
        "python": "3.13.5",
        "platform": "Debian 13",
        "passed": 1822,
        "failed": 0,
        "skipped": 5,
        "commit": "abc",
    }


def test_tests_that_did_not_end_are_not_recorded(folder) -> None:
    file = folder / "test.txt"
    file.write_text(TESTS.rpartition("=====")[0].rpartition("=====")[0])
    with pytest.raises(UsageError, match=r"make test \| tee FILE"):
        record_tests(file, None, None)
