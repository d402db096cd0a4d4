"""Which commit the code is of, where it runs from a git checkout."""

import os
import subprocess
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[1]
_DIRTY = "-dirty"
# What is added here takes part in a run without being committed.
_CODE = ("components", "pipeline", "schema")
_SECONDS = 20


def current_commit(root: Path = PROJECT_ROOT) -> str | None:
    """Returns the commit that is checked out.

    Args:
      root: the folder that holds ``components``.

    Returns:
      Its hash, with ``-dirty`` behind it where files differ from it; None where the
      code is no git checkout, or git cannot tell.
    """
    try:
        # Code that is installed below somebody else's checkout is not part of it.
        if not Path(_git(root, "rev-parse", "--show-toplevel")).samefile(root):
            return None
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
        added = _git(root, "ls-files", "--others", "--exclude-standard", "--", *_CODE)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return f"{commit}{_DIRTY}" if changed or added else commit


def _git(root: Path, *arguments: str) -> str:
    # A hook of another checkout sets variables that lead git there.
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", "--no-optional-locks", "-C", str(root), *arguments],
        capture_output=True,
        check=True,
        env=environ,
        timeout=_SECONDS,
    )
    return os.fsdecode(done.stdout).strip()
