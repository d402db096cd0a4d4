"""What starts a process finds our modules and refuses what hides a library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.checkout import PROJECT_ROOT
from pipeline.environment.own_modules import hiding

pytestmark = pytest.mark.slow

MODULE = [sys.executable, "-m", "pipeline.node_runner"]
# As the console script does it: its folder is first, ours comes from the environment.
CONSOLE = [
    sys.executable,
    "-c",
    "import sys; sys.path[0] = '/usr/bin'; sys.argv[0] = 'mnist-pipeline'\n"
    f"sys.path.append({str(PROJECT_ROOT)!r})\n"
    "from mnist_pipeline import main; main()",
]


def start(command: list[str], folder: Path, **environ: str):
    """Asks for help in a folder."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return subprocess.run(
        [*command, "--help"],
        cwd=folder,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder with packages of our names, that fail where they are imported."""
    for name in ("components", "pipeline"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise SystemExit('{name}')")
    return tmp_path


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).write_text(f"raise SystemExit('foreign {name}')")
    return folder


def test_the_console_script_finds_ours_before_those_on_pythonpath(foreign) -> None:
    done = start(CONSOLE, foreign, PYTHONPATH=str(foreign))

    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: mnist-pipeline" in done.stdout


@pytest.mark.parametrize("command", [CONSOLE, MODULE])
def test_modules_in_the_current_folder_are_not_taken(tmp_path: Path, command) -> None:
    write(tmp_path, "tensorflow.py", "keras.py", "random.py", "components.py")
    path = {"PYTHONPATH": str(PROJECT_ROOT)} if command is MODULE else {}
    done = start(command, tmp_path, **path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: " in done.stdout


@pytest.mark.parametrize("command", [CONSOLE, MODULE])
@pytest.mark.parametrize("name", ["tensorflow.py", "secrets.py", "numpy.py"])
def test_a_module_on_pythonpath_that_hides_a_library_is_refused(
    tmp_path: Path, command, name: str
) -> None:
    write(tmp_path, name)
    path = os.pathsep.join([str(tmp_path), str(PROJECT_ROOT)])
    done = start(command, tmp_path, PYTHONPATH=path)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"Error: Expected the module {name[:-3]} of Python or of an installed library. "
        f"Received: {tmp_path / name}, which PYTHONPATH puts before it. Rename it, or "
        f"leave {tmp_path} out of PYTHONPATH.\n"
    )


@pytest.mark.parametrize("command", [CONSOLE, MODULE])
@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONWARNINGS": "error"},
        {"PYTHONWARNINGS": "error::DeprecationWarning"},
        {"PYTHONOPTIMIZE": "2"},
        {"PYTHONSTARTUP": "/no/such/file"},
        {"PYTHONNOUSERSITE": "1"},
        {"PYTHONDONTWRITEBYTECODE": "1"},
    ],
)
def test_python_reads_the_program_as_it_is_written(
    tmp_path: Path, command, environ: dict[str, str]
) -> None:
    path = {"PYTHONPATH": str(PROJECT_ROOT)} if command is MODULE else {}
    plain = start(command, tmp_path, **path)
    done = start(command, tmp_path, **path, **environ)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == plain.stdout


def test_only_what_comes_before_pythons_own_modules_hides(tmp_path: Path) -> None:
    library = str(Path(os.__file__).parent)
    write(tmp_path, "random.py", "mine.py", "random.txt", "test.py", "turtle.py")
    folder = str(tmp_path)
    found = [("random", str(tmp_path / "random.py"))]

    assert list(hiding([folder, library])) == found
    assert list(hiding([library, folder])) == []
    assert list(hiding(["/no/such/folder", folder, library])) == found


def test_a_package_hides_and_a_plain_folder_does_not(tmp_path: Path) -> None:
    (tmp_path / "keras").mkdir()
    assert list(hiding([str(tmp_path)])) == []
    (tmp_path / "keras" / "__init__.py").touch()
    assert list(hiding([str(tmp_path)])) == [("keras", str(tmp_path / "keras"))]


def test_a_folder_that_pip_installed_into_is_meant(tmp_path: Path) -> None:
    write(tmp_path, "numpy.py")
    (tmp_path / "numpy-2.0.dist-info").mkdir()

    assert list(hiding([str(tmp_path)])) == []
