"""The lock files: complete, without an index, and enough for setup.py."""

import re
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.environment.tfx_line import LINES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def lock_blocks(name: str) -> list[str]:
    """Returns each requirement of a lock with the hash lines that belong to it."""
    text = (ROOT / "requirements" / name).read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return re.split(r"\n(?=\S)", "\n".join(lines).strip())


@pytest.mark.parametrize("name", ["tfx-1.16.txt", "tfx-1.21.txt", "uv.txt"])
def test_every_locked_package_has_version_and_hashes(name):
    for block in lock_blocks(name):
        assert re.match(r"[a-z0-9.-]+==[\w.!+]+ ", block), block
        assert "--hash=sha256:" in block


@pytest.mark.parametrize("name", ["tfx-1.16.txt", "tfx-1.21.txt", "uv.txt"])
def test_locks_name_no_index(name):
    text = (ROOT / "requirements" / name).read_text()
    assert not re.search(r"://|index-url|find-links|@ file", text)
    assert "#    make lock" in text.splitlines()[:3]


@pytest.mark.parametrize(
    ("line", "python"),
    [(LINES[1], "3.10"), (LINES[0], "3.11"), (LINES[0], "3.12"), (LINES[0], "3.13")],
)
def test_lock_satisfies_setup_py(line, python):
    here = default_environment() | {
        "python_version": python,
        "python_full_version": f"{python}.0",
    }
    locked = {}
    for block in lock_blocks(line.lock_file.name):
        requirement = Requirement(block.split(" \\")[0])
        if requirement.marker is None or requirement.marker.evaluate(here):
            version = next(iter(requirement.specifier)).version
            locked[canonicalize_name(requirement.name)] = version
    for text in requires("mnist-tfx-pipeline"):
        requirement = Requirement(text)
        extras = ["", "kubeflow", "test", "dev"]
        marker = requirement.marker
        if marker is None or any(marker.evaluate(here | {"extra": e}) for e in extras):
            assert locked[canonicalize_name(requirement.name)] in requirement.specifier
