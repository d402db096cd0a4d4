"""Modules that wait until they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.environment.lazy_imports import CLOUD_CLIENTS, loaded_when_used

NAME = "module_of_this_test"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that leaves a file behind when it is loaded."""
    loaded = tmp_path / "loaded"
    code = f"open({str(loaded)!r}, 'w').close()\nanswer = 42\n"
    (tmp_path / f"{NAME}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    return NAME


def test_a_module_loads_when_something_in_it_is_used(module, tmp_path) -> None:
    with loaded_when_used([module]):
        lazy = __import__(module)

    assert not (tmp_path / "loaded").exists()
    assert lazy.answer == 42
    assert (tmp_path / "loaded").exists()


def test_other_modules_load_at_once(module, tmp_path) -> None:
    with loaded_when_used(["another"]):
        __import__(module)

    assert (tmp_path / "loaded").exists()


def test_a_module_that_is_not_there_is_missing_at_once() -> None:
    with loaded_when_used(["no_such_module"]), pytest.raises(ModuleNotFoundError):
        __import__("no_such_module")


def test_imports_are_as_before_after_it(module) -> None:
    before = list(sys.meta_path)
    with pytest.raises(ZeroDivisionError), loaded_when_used([module]):
        _ = 1 / 0

    assert sys.meta_path == before


def test_a_run_loads_no_client_of_the_cloud_and_beam_can_still_use_it() -> None:
    """In a process of its own, since this one has imported TFX."""
    code = f"""
import sys, types
from pipeline.environment.lazy_imports import CLOUD_CLIENTS, loaded_when_used
with loaded_when_used(CLOUD_CLIENTS):
    import pipeline.run.execution
waiting = [type(sys.modules[name]) is not types.ModuleType for name in CLOUD_CLIENTS]
assert waiting == [True] * {len(CLOUD_CLIENTS)}, waiting
from google.cloud import bigquery, pubsub
assert bigquery.Table and pubsub.PublisherClient
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
