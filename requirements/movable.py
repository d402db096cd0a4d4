"""Makes the installed project point to this checkout by a relative path.

    .venv/bin/python movable.py

An editable install holds the checkout's absolute path: in a copy of the checkout,
.venv would run the code of the other one.
"""

import os
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Rewrites the path file of the editable install."""
    packages = Path(sysconfig.get_path("purelib"))
    for file in packages.glob("__editable__.mnist_tfx_pipeline-*.pth"):
        file.write_text(f"{os.path.relpath(ROOT, packages)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
