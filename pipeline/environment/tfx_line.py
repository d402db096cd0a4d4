"""The supported TFX lines, and the one place where differences between them live.

Nothing else asks for a version of Python, TFX or TensorFlow to decide what to do.
"""

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from components.checkout import PROJECT_ROOT
from components.errors import PipelineError

# Python 3.10, which TFX 1.16 needs, has no TOML parser of its own.
if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["LINES", "TfxLine", "installed_line", "tomllib"]

_REQUIREMENTS = PROJECT_ROOT / "requirements"


@dataclass(frozen=True)
class TfxLine:
    """One TFX release with everything that is locked beside it.

    Attributes:
      name: the line as people call it, such as ``1.21``.
      tfx: the exact version of the ``tfx`` package.
      python_range: the Pythons that its wheels exist for, as ``>=3.11,<3.14``.
      glibc: the oldest glibc, as (major, minor), that its Linux wheels load on.
    """

    name: str
    tfx: str
    python_range: str
    glibc: tuple[int, int]

    @property
    def lock_file(self) -> Path:
        """The lock that an environment of this line was made from."""
        return _REQUIREMENTS / f"tfx-{self.name}.txt"


LINES = (
    TfxLine("1.21", "1.21.0", ">=3.11,<3.14", glibc=(2, 39)),
    TfxLine("1.16", "1.16.0", ">=3.10,<3.11", glibc=(2, 17)),
)


def installed_line() -> TfxLine:
    """Returns the line of the installed TFX, without importing it.

    Raises:
      PipelineError: TFX is missing, or of a version that is not supported.
    """
    expected = " or ".join(line.tfx for line in LINES)
    try:
        installed = version("tfx")
    except PackageNotFoundError:
        raise PipelineError(
            f"Expected TFX {expected}. Received: no TFX at all. "
            f"'make run' sets up an environment that has it."
        ) from None
    for line in LINES:
        if line.tfx == installed:
            return line
    raise PipelineError(
        f"Expected TFX {expected}. Received: TFX {installed}. "
        f"Remove .venv; 'make run' makes it again from the lock."
    )
