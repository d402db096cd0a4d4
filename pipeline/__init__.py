"""How the nodes are wired and run: configuration, definition, runners, CLI."""

import sys

# So Python calls the program while it looks for the module of ``python -m pipeline.…``.
if sys.argv[:1] == ["-m"]:
    from pipeline.environment.own_modules import require_own_modules

    # Python put the current folder first, whatever lies in it, unless told not to.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    require_own_modules()
