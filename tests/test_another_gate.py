"""Another gate is another row of the table: whatever tells of gates follows it."""

import subprocess
import sys

import pytest

from components.checkout import PROJECT_ROOT


@pytest.mark.slow
def test_outcome_nodes_text_page_help_and_pusher_follow_another_row() -> None:
    """In a process of its own, because modules read the table when imported."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.another_gate.row", "tests/another_gate/cases.py"),
        ],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr
