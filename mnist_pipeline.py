"""What the console script ``mnist-pipeline`` starts.

A module of a name that no other package has: where PYTHONPATH names a folder with
another ``pipeline`` or ``components``, ours are found all the same.
"""

import sys


def main() -> None:
    """Puts our packages first, then runs the command."""
    sys.path.insert(0, __file__.rpartition("/")[0])
    from pipeline.environment.own_modules import require_own_modules

    require_own_modules()
    from pipeline.cli import main as command

    command()
