"""Runs uv with what pip is told: the package index above all.

    .venv/bin/python uv_as_pip.py pip install ...

uv reads neither pip's variables nor its files. What uv is told itself comes first.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# The settings of pip that say where packages come from, and uv's for the same.
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
# Where uv is told of an index, pip's are not mixed with it.
OF_UV = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE")
# Least first: a variable counts more than a file's [install], that more than [global].
SECTIONS = ("global", "install", ":env:")


def settings_of_pip(listed: str) -> dict[str, str]:
    """Returns setting → value from what ``pip config list`` prints."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listed.splitlines():
        name, separator, value = line.partition("=")
        section, _, setting = name.partition(".")
        if separator and section in found:
            found[section][setting] = str(ast.literal_eval(value))
    return {name: value for part in found.values() for name, value in part.items()}


def variables_of_uv(
    settings: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    """Returns what to add to the environment for uv.

    Args:
      settings: of pip.
      environment: as it is; none of it is changed.
    """
    told = any(name in environment for name in OF_UV)
    added = {
        variable: _as_uv_writes(setting, settings[setting])
        for setting, variable in VARIABLES.items()
        if settings.get(setting) and variable not in environment
    }
    if told:
        for setting in ("index-url", "extra-index-url"):
            added.pop(VARIABLES[setting], None)
    elif "UV_INDEX" in added:
        # As pip does. What the lock's hashes do not know is refused anyway.
        added.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return added


def _as_uv_writes(setting: str, value: str) -> str:
    return (",".join if setting == "find-links" else " ".join)(value.split())


def main() -> None:
    """Becomes uv."""
    python = Path(sys.executable)
    listing = [python, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(
        listing, stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    settings = settings_of_pip(done.stdout)
    uv = str(python.with_name("uv"))
    # uv has no variable for this one.
    no_index = settings.get("no-index", "").lower() in ("1", "true", "yes", "on")
    words = [uv, *sys.argv[1:], *(["--no-index"] if no_index else [])]
    os.execve(uv, words, {**os.environ, **variables_of_uv(settings, os.environ)})


if __name__ == "__main__":
    main()
