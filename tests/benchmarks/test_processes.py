"""What a process took, with those that it started."""

import sys

import pytest

from benchmarks.processes import Done, module, run_measured
from components.errors import PipelineError

pytestmark = pytest.mark.slow

ALLOCATE = "pages = b'x' * 400_000_000"
BUSY = "import time\nwhile time.process_time() < 0.4: sum(range(100_000))"
START = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])"


def run(code: str, **options) -> Done:
    return run_measured([sys.executable, "-c", code], **options)


def test_what_was_printed_comes_back() -> None:
    assert run("print('{}')").output == "{}\n"


@pytest.mark.parametrize("code", [BUSY, START.format(BUSY)])
def test_user_cpu_is_that_of_all_processes(code: str) -> None:
    assert run("pass").usage.user_cpu < 0.2 < run(code).usage.user_cpu


@pytest.mark.parametrize("code", [ALLOCATE, START.format(ALLOCATE)])
def test_peak_memory_is_that_of_the_largest_process(code: str) -> None:
    """In a process of its own: this one may be large, and a child counts from there."""
    outer = (
        "from benchmarks.processes import run_measured; import sys;"
        "print(run_measured([sys.executable, '-c', {!r}]).usage.peak_memory)"
    )
    small, large = (float(run(outer.format(one)).output) for one in ("pass", code))

    assert small < 200
    assert 400 < large < 600


def test_variables_are_added_to_those_there_are() -> None:
    code = "import os; print(os.environ['HOME'], 'PATH' in os.environ)"
    assert run(code, env={"HOME": "/elsewhere"}).output == "/elsewhere True\n"


def test_a_failure_quotes_the_command_and_its_last_words() -> None:
    code = "import sys; print('one'); sys.stderr.write('two'); sys.exit(3)"
    with pytest.raises(PipelineError) as refused:
        run(code)

    message = str(refused.value)
    assert "to end with 0. Received: 3, and as its last words:\none\ntwo" in message
    assert sys.executable in message


def test_what_is_no_text_does_not_hide_a_failure() -> None:
    code = "import os; os.write(2, b'bad \\xff end'); os._exit(1)"
    with pytest.raises(PipelineError, match="bad \N{REPLACEMENT CHARACTER} end"):
        run(code)


def test_a_module_runs_with_this_python() -> None:
    assert module("a.b", "--n", 3) == [sys.executable, "-m", "a.b", "--n", "3"]


def test_the_harness_itself_stays_small() -> None:
    code = (
        "import sys, benchmarks.run;"
        "print({'tensorflow', 'tfx', 'apache_beam', 'keras'} & set(sys.modules))"
    )
    assert run(code).output == "set()\n"
