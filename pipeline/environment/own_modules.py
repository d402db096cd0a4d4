"""Sees to it that a process imports our modules and libraries, not others of a name.

What starts a process calls it before anything else is imported. It needs nothing itself
but modules that Python has loaded by then, so not pathlib either.
"""

# ruff: noqa: PTH100, PTH112, PTH113, PTH118, PTH120, PTH208
import os
import sys
from collections.abc import Iterator, Sequence

ROOT = os.path.abspath(__file__).rsplit(os.sep, 3)[0]

# What a folder on PYTHONPATH must not hide.
_LIBRARIES = (
    *("PIL", "absl", "apache_beam", "attr", "attrs", "click", "filelock", "google"),
    *("jinja2", "keras", "matplotlib", "ml_metadata", "numpy", "pandas", "psutil"),
    *("pyarrow", "pydantic", "rich", "scipy", "tensorboard", "tensorflow", "tfx"),
    *("tensorflow_data_validation", "tensorflow_metadata", "tensorflow_serving"),
    *("tensorflow_model_analysis", "tensorflow_transform", "tfx_bsl"),
)
# Python has modules of these names as well, that nothing here imports.
_UNUSED = ("antigravity", "idlelib", "lib2to3", "test", "this", "turtle", "turtledemo")
_ENDINGS = (".py", ".so", ".pyd")
_USAGE = 2


def require_own_modules() -> None:
    """Puts our packages first, and ends the process where a library is hidden.

    Raises:
      SystemExit: a folder on PYTHONPATH has a module of a name that we need.
    """
    _start_again_as_written()
    sys.path.insert(0, ROOT)
    for name, file in hiding(sys.path):
        print(
            f"Error: Expected the module {name} of Python or of an installed library. "
            f"Received: {file}, which PYTHONPATH puts before it. Rename it, or leave "
            f"{os.path.dirname(file)} out of PYTHONPATH.",
            file=sys.stderr,
        )
        raise SystemExit(_USAGE)


def hiding(path: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields name and file of each module that hides another of its name.

    Args:
      path: folders in the order in which Python looks. Those behind its own cannot
        hide it; folders into which pip installed are meant.
    """
    library = os.path.realpath(os.path.dirname(os.__file__))
    needed = {*_LIBRARIES, *sys.stdlib_module_names}.difference(_UNUSED)
    for folder in path:
        if os.path.realpath(folder) == library:
            return
        ours = os.path.realpath(folder) == os.path.realpath(ROOT)
        if ours or not os.path.isdir(folder):
            continue
        files = sorted(os.listdir(folder))
        if any(file.endswith((".dist-info", ".egg-info")) for file in files):
            continue
        for file in files:
            name, dot, _ = file.partition(".")
            place = os.path.join(os.path.abspath(folder), file)
            module = file.endswith(_ENDINGS) if dot else _is_package(place)
            if name in needed and module:
                yield name, place


def _is_package(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "__init__.py"))


def _start_again_as_written() -> None:
    """Starts the program anew without what makes Python read it otherwise.

    Libraries give warnings, which are no errors, and the help stands in docstrings.
    """
    before = dict(os.environ)
    os.environ.pop("PYTHONOPTIMIZE", None)
    if "error" in os.environ.get("PYTHONWARNINGS", ""):
        del os.environ["PYTHONWARNINGS"]
    if os.environ != before:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
