"""What ModelAudit leaves beside its checks; it writes it, Pusher and report read it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

AUDIT_FILE = "model_audit.json"
MISTAKES_FILE = "worst-slice.png"
UNKNOWN_FILE = "sure-of-the-unknown.png"
# Name of the checks, too.
MEANING = "change of meaning"
UNKNOWN = "sure of the unknown"


def write_model_audit(directory: str | Path, measured: Mapping[str, Any]) -> None:
    """Writes what was measured, as JSON values, by family of checks."""
    text = json.dumps(measured, indent=2) + "\n"
    (Path(directory) / AUDIT_FILE).write_text(text, encoding="utf-8")


def read_model_audit(directory: str | Path) -> dict[str, Any]:
    """Reads what was measured.

    Raises:
      OSError: it is gone.
    """
    return json.loads((Path(directory) / AUDIT_FILE).read_text(encoding="utf-8"))
