"""What pip is told reaches uv; what uv is told itself comes first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
MIRROR = "https://mirror.invalid/simple"
OTHER = "https://other.invalid/simple"


@pytest.fixture
def environment(tmp_path):
    """Calls the script with a uv that prints its environment."""
    venv = tmp_path / "venv" / "bin"
    venv.mkdir(parents=True)
    # Its own folder is looked for uv in; the link still runs this environment's pip.
    (venv / "python").symlink_to(sys.executable)
    (venv / "uv").write_text(
        '#!/bin/sh\nenv | grep "^UV_"\n'
        'case "$*" in *--no-index) echo NO_INDEX=--no-index ;; esac\n'
    )
    (venv / "uv").chmod(0o755)
    site = Path(sys.prefix, "pyvenv.cfg").read_text()
    (venv.parent / "pyvenv.cfg").write_text(site)
    (venv.parent / "lib").symlink_to(Path(sys.prefix, "lib"))

    def call(config: str = "", **variables: str) -> dict[str, str]:
        file = tmp_path / "pip.conf"
        file.write_text(config)
        kept = ("PATH", "HOME")
        done = subprocess.run(
            [venv / "python", ROOT / "requirements" / "uv_as_pip.py", "pip", "install"],
            env={name: os.environ[name] for name in kept}
            | {"PIP_CONFIG_FILE": str(file), **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        # The files of this machine may say something about other settings.
        pairs = [line.split("=", 1) for line in done.stdout.splitlines()]
        return {name: value for name, value in pairs if "INDEX" in name}

    return call


@pytest.mark.parametrize(
    ("config", "variables", "expected"),
    [
        (f"[global]\nindex-url = {MIRROR}", {}, {"UV_DEFAULT_INDEX": MIRROR}),
        ("", {"PIP_INDEX_URL": MIRROR}, {"UV_DEFAULT_INDEX": MIRROR}),
        (
            f"[global]\nindex-url = {OTHER}\n[install]\nindex-url = {MIRROR}",
            {},
            {"UV_DEFAULT_INDEX": MIRROR},
        ),
        (
            f"[install]\nindex-url = {OTHER}",
            {"PIP_INDEX_URL": MIRROR},
            {"UV_DEFAULT_INDEX": MIRROR},
        ),
        (
            f"[global]\nextra-index-url =\n  {MIRROR}\n  {OTHER}",
            {},
            {
                "UV_INDEX": f"{MIRROR} {OTHER}",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        (
            f"[global]\nindex-url = {OTHER}",
            {"UV_DEFAULT_INDEX": MIRROR},
            {"UV_DEFAULT_INDEX": MIRROR},
        ),
        ("", {"PIP_NO_INDEX": "1"}, {"NO_INDEX": "--no-index"}),
        ("", {}, {}),
    ],
)
def test_index(environment, config, variables, expected):
    assert environment(config, **variables) == expected
