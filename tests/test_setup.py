"""The choice of TFX line and Python, and the steps of the set-up.

Pythons, platforms and uv are small scripts here; nothing is downloaded.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.environment.tfx_line import installed_line

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ["cat", "cp", "date", "dirname", "find", "grep", "ln", "ls", "mkdir"]
TOOLS += ["rm", "rmdir", "sed", "sleep", "sort"]
NEW = "2.41"  # the glibc of Debian 13, for both lines
OLD = "2.36"  # the glibc of Debian 12, for TFX 1.16 alone
VENV = "cannot make a venv (Debian: apt install python3.10-venv)"
HEADERS = "has no Python.h (Debian: apt install python3.10-dev)"

# Answers the probe; makes a fake environment, and in it a fake uv that notes its
# arguments and fails when they hold $FAIL.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    *requirements/alone.py*) exec "$REAL" "$@" ;;
    *requirements/uv_as_pip.py*) shift && exec "${{0%/python}}/uv" "$@" ;;
    *requirements/movable.py) ;;
    -) echo "{facts}" ;;
    "-m venv "*)
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "home = x" >"$3/pyvenv.cfg"
        ;;
    "-m pip "*)
        echo "pip $*" >>"$CALLS"
        cp "$UV" "${{0%/python}}/uv"
        ;;
    "-m compileall "*) echo "python $*" >>"$CALLS" ;;
esac
"""
FAKE_UV = """#!/bin/sh
echo "uv $*" >>"$CALLS"
case "$*" in *"$FAIL"*) exit 1 ;; esac
"""


class Machine:
    """A copy of ``requirements/`` and a PATH that holds nothing but fakes."""

    def __init__(self, folder: Path):
        self.home = folder / "home"
        self.bin = folder / "bin"
        self.checkout = folder / "check out"
        self.calls = folder / "calls"
        self.bin.mkdir()
        tools = folder / "tools"
        tools.mkdir()
        for tool in TOOLS:
            (tools / tool).symlink_to(shutil.which(tool))
        self.write("tools/c++", "#!/bin/sh\n")
        self.write("uv", FAKE_UV)
        self.platform("Linux", "x86_64", OLD)
        shutil.copytree(ROOT / "requirements", self.checkout / "requirements")
        shutil.copy(ROOT / "setup.py", self.checkout)
        self.env = {
            "PATH": f"{self.bin}:{tools}",
            "HOME": str(self.home),
            "CALLS": str(self.calls),
            "UV": str(folder / "uv"),
            "FAIL": "nothing fails",
            "REAL": sys.executable,
        }

    def write(self, path: str, text: str) -> Path:
        """Writes a script; ``path`` is relative to the folder of the machine."""
        file = self.bin.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        return file

    def platform(self, system: str, machine: str, glibc: str = "") -> None:
        """Makes uname and getconf answer like this platform."""
        answer = f"case $1 in -s) echo {system} ;; -m) echo {machine} ;; esac"
        self.write("bin/uname", f"#!/bin/sh\n{answer}\n")
        answer = f"echo glibc {glibc}" if glibc else "exit 1"
        self.write("bin/getconf", f"#!/bin/sh\n{answer}\n")

    def python(self, path: str, facts: str) -> Path:
        """Adds a Python that answers the probe with facts, such as "3.13 x86_64"."""
        return self.write(path, FAKE_PYTHON.format(facts=facts))

    def install(self, *arguments: str, **env: str) -> subprocess.CompletedProcess:
        """Runs install.sh on this machine."""
        script = self.checkout / "requirements" / "install.sh"
        return subprocess.run(
            ["/bin/sh", script, *arguments],
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def outdate(self) -> None:
        """Makes the stamp older than everything it depends on."""
        os.utime(self.checkout / ".venv" / ".complete", (0, 0))

    def choose(self, **env: str) -> str:
        """Returns what is chosen, with the folder of the machine left out."""
        result = self.install("--choose", **env)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip().replace(f"{self.bin.parent}/", "")

    def refusal(self, **env: str) -> str:
        """Returns the message of a choice that is refused, checking the exit code."""
        result = self.install("--choose", **env)
        assert result.returncode == 2
        assert result.stdout == ""
        return result.stderr.replace(f"{self.bin.parent}/", "")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("system", "arch", "glibc", "pythons", "chosen"),
    [
        ("Linux", "x86_64", NEW, ["3.10", "3.12"], "TFX 1.21 with bin/python3.12"),
        ("Linux", "x86_64", "2.39", ["3.11"], "TFX 1.21 with bin/python3.11"),
        ("Linux", "x86_64", NEW, ["3.10"], "TFX 1.16 with bin/python3.10"),
        ("Linux", "x86_64", "2.38", ["3.10", "3.12"], "TFX 1.16 with bin/python3.10"),
        ("Linux", "x86_64", "2.17", ["3.10"], "TFX 1.16 with bin/python3.10"),
        ("Darwin", "arm64", "", ["3.10", "3.13"], "TFX 1.21 with bin/python3.13"),
    ],
)
def test_line_by_platform(machine, system, arch, glibc, pythons, chosen):
    machine.platform(system, arch, glibc)
    for python in pythons:
        machine.python(f"bin/python{python}", f"{python} {arch}")
    assert machine.choose() == chosen


@pytest.mark.parametrize(
    ("system", "arch", "glibc", "named"),
    [
        ("Linux", "aarch64", NEW, "Linux aarch64, glibc 2.41"),
        ("Linux", "x86_64", "2.12", "Linux x86_64, glibc 2.12"),
        ("Linux", "x86_64", "", "Linux x86_64, glibc none"),
        ("Darwin", "x86_64", "", "Darwin x86_64"),
    ],
)
def test_platform_without_wheels(machine, system, arch, glibc, named):
    machine.platform(system, arch, glibc)
    message = machine.refusal()
    assert f"TFX has no wheels for {named}." in message
    assert "docker run" in message


def test_line_can_be_forced(machine):
    machine.platform("Linux", "x86_64", NEW)
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.python("bin/python3.13", "3.13 x86_64")
    assert machine.choose() == "TFX 1.21 with bin/python3.13"
    assert machine.choose(TFX_LINE="1.16") == "TFX 1.16 with bin/python3.10"


def test_line_that_the_platform_has_not(machine):
    assert machine.refusal(TFX_LINE="1.21") == (
        "TFX_LINE=1.21 cannot be had on Linux x86_64, glibc 2.36. It runs TFX 1.16.\n"
    )


def test_newest_python_first(machine):
    machine.platform("Linux", "x86_64", NEW)
    for minor in (11, 13, 12):
        machine.python(f"bin/python3.{minor}", f"3.{minor} x86_64")
    assert machine.choose() == "TFX 1.21 with bin/python3.13"


def test_plain_python3_counts(machine):
    machine.python("bin/python3", "3.10 x86_64")
    assert machine.choose() == "TFX 1.16 with bin/python3"


def test_shim_that_does_not_run_is_passed_over(machine):
    machine.write("bin/python3.10", "#!/bin/sh\nexit 127\n")
    machine.python("later/python3.10", "3.10 x86_64")
    path = f"{machine.env['PATH']}:{machine.bin.parent / 'later'}"
    assert machine.choose(PATH=path) == "TFX 1.16 with later/python3.10"


def test_name_is_not_believed(machine):
    machine.python("bin/python3.10", "3.9 x86_64")
    machine.python("bin/python3", "3.10 x86_64")
    assert machine.choose() == "TFX 1.16 with bin/python3"


def test_path_before_pyenv_before_uv(machine):
    uv = "home/.local/share/uv/python/cpython-3.10.14-linux-x86_64-gnu/bin/python3"
    pyenv = "home/.pyenv/versions/3.10.13/bin/python3"
    for python in (uv, pyenv, "bin/python3.10"):
        machine.python(python, "3.10 x86_64")
        assert machine.choose() == f"TFX 1.16 with {python}"


def test_folders_of_pyenv_and_uv_can_be_named(machine):
    root = machine.bin.parent
    machine.python("u/cpython-3.10.14-linux/bin/python3", "3.10 x86_64")
    folders = {"UV_PYTHON_INSTALL_DIR": str(root / "u"), "PYENV_ROOT": str(root / "p")}
    chosen = "TFX 1.16 with u/cpython-3.10.14-linux/bin/python3"
    assert machine.choose(**folders) == chosen
    machine.python("p/versions/3.10.2/bin/python3", "3.10 x86_64")
    assert machine.choose(**folders) == "TFX 1.16 with p/versions/3.10.2/bin/python3"


def test_python_of_an_activated_environment_is_passed_over(machine):
    """It is gone as soon as the environment is made again."""
    machine.python("bin/python3.10", "3.10 x86_64")
    active = machine.python("check out/.venv/bin/python3.10", "3.10 x86_64").parent
    path = f"{active}:{machine.env['PATH']}"
    assert machine.choose(PATH=path) == "TFX 1.16 with bin/python3.10"
    # A shim runs whatever PATH has.
    shim = f'case "$PATH" in *.venv*) exec "{active}/python3.10" "$@" ;; esac'
    shim = f"#!/bin/sh\n{shim}\nexit 127\n"
    machine.write("bin/python3.10", shim)
    pyenv = "home/.pyenv/versions/3.10.2/bin/python3"
    machine.python(pyenv, "3.10 x86_64")
    assert machine.choose(PATH=path) == f"TFX 1.16 with {pyenv}"


def test_given_python_is_taken(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    given = machine.python("elsewhere/python", "3.10 x86_64")
    assert machine.choose(PYTHON=str(given)) == "TFX 1.16 with elsewhere/python"


def test_given_python_that_does_not_fit_is_not_replaced(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.python("bin/mine", "3.12 x86_64")
    message = machine.refusal(PYTHON="mine")
    assert "bin/mine: is Python 3.12\n" in message
    assert "nothing else, because PYTHON is set" in message
    assert "    unset PYTHON\n" in message
    assert "python3.10:" not in message


def test_given_python_that_does_not_exist(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    assert machine.refusal(PYTHON="nil") == "PYTHON=nil: no such program.\n"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ("", "does not run"),
        ("3.9 x86_64", "is Python 3.9"),
        ("3.10 i686", "is built for i686"),
        ("3.10 x86_64 cpython", "is not CPython"),
        (
            "3.10 x86_64 venv",
            "cannot make a venv (Debian: apt install python3.10-venv)",
        ),
        ("3.10 x86_64 headers", HEADERS),
    ],
)
def test_why_a_python_does_not_fit(machine, facts, why):
    machine.python("bin/python3.10", facts)
    assert f"    bin/python3.10: {why}\n" in machine.refusal()


def test_message_when_nothing_fits(machine):
    machine.platform("Linux", "x86_64", NEW)
    machine.python("bin/python3", "3.14 x86_64")
    machine.python("bin/python3.13", "3.13 x86_64 venv headers")
    assert machine.refusal() == (
        "No Python fits.\n"
        "Platform: Linux x86_64, glibc 2.41. It can run:\n"
        "    TFX 1.21 with Python 3.13 or 3.12 or 3.11\n"
        "    TFX 1.16 with Python 3.10\n"
        "Tried:\n"
        "    bin/python3.13: cannot make a venv (Debian: apt install python3.13-venv)\n"
        "    bin/python3: is Python 3.14\n"
        "    every folder of PATH, home/.pyenv/versions, home/.local/share/uv/python\n"
        "Any one of these helps:\n"
        "    sudo apt install python3.13-venv\n"
        "    pyenv install 3.13\n"
        "    pipx run uv python install 3.13    (Debian: sudo apt install pipx)\n"
        "    make PYTHON=/path/to/python3.13 run\n"
    )


def test_probe_understands_a_real_python():
    result = subprocess.run(
        ["/bin/sh", ROOT / "requirements" / "install.sh", "--choose"],
        env=os.environ | {"PYTHON": sys.executable, "TFX_LINE": installed_line().name},
        capture_output=True,
        text=True,
        timeout=60,
    )
    chosen = f"TFX {installed_line().name} with {sys.executable}\n"
    assert (result.stdout, result.stderr) == (chosen, "")


def test_compiler_is_asked_for_before_anything_is_made(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    (machine.bin.parent / "tools" / "c++").unlink()
    result = machine.install()
    assert result.returncode == 2
    assert "sudo apt install g++" in result.stderr
    assert not (machine.checkout / ".venv").exists()


@pytest.mark.parametrize("character", "$:{}\\")
def test_path_that_pythons_tools_cannot_take(machine, character):
    machine.python("bin/python3.10", "3.10 x86_64")
    new = machine.checkout.with_name(f"a{character}b")
    machine.checkout = machine.checkout.rename(new)
    result = machine.install()
    assert result.returncode == 2
    assert result.stderr == (
        "Expected the path of this folder to hold none of $ { } : \\. "
        f"Received: {new}. Move the folder to another place.\n"
    )
    assert not (new / ".venv").exists()


def test_steps_of_a_set_up(machine):
    python = machine.python("bin/python3.10", "3.10 x86_64")
    result = machine.install()
    assert result.returncode == 0, result.stderr
    pip, lock, project, compiled = machine.calls.read_text().splitlines()
    assert pip.startswith("pip -m pip install")
    assert re.search(r"--require-hashes .*requirements/uv\.txt$", pip)
    assert re.search(
        r"--require-hashes --compile-bytecode .*requirements/tfx-1\.16\.txt$", lock
    )
    assert project.endswith("--no-deps --no-build-isolation --editable .")
    folders = f"{machine.checkout}/components {machine.checkout}/pipeline"
    assert compiled == f"python -m compileall -q {folders}"
    stamp = machine.checkout / ".venv" / ".complete"
    assert stamp.read_text() == f"TFX 1.16, {python}, {machine.checkout}\n"
    assert len(re.findall(r"^==> ", result.stdout, re.MULTILINE)) == 4
    assert re.search(
        r"Set-up done in \d+ s\. The command is \.venv/bin/mnist-pi",
        result.stdout.strip(),
    )


@pytest.mark.parametrize("failing", ["tfx-1.16.txt", "--editable"])
def test_failed_set_up_is_begun_anew(machine, failing):
    machine.python("bin/python3.10", "3.10 x86_64")
    result = machine.install(FAIL=failing)
    assert result.returncode == 1
    assert "Set-up failed at: Installing" in result.stderr
    assert not (machine.checkout / ".venv" / ".complete").exists()
    left = machine.checkout / ".venv" / "left"
    left.touch()
    result = machine.install()
    assert result.returncode == 0
    assert "Removing the .venv that is there" in result.stdout
    assert not left.exists()
    assert (machine.checkout / ".venv" / ".complete").exists()


def test_finished_set_up_is_updated_in_place(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.install()
    kept = machine.checkout / ".venv" / "kept"
    kept.touch()
    machine.outdate()
    assert machine.install().returncode == 0
    assert kept.exists()
    machine.outdate()
    result = machine.install(FAIL="tfx-1.16.txt")
    assert result.returncode == 1
    assert not (machine.checkout / ".venv" / ".complete").exists()


def test_current_set_up_is_left_alone(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.install()
    machine.calls.unlink()
    result = machine.install()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not machine.calls.exists()


def lock_by(machine, script: str, **options) -> subprocess.Popen:
    """Runs a shell script that has the lock of the set-up."""
    alone = [sys.executable, machine.checkout / "requirements" / "alone.py"]
    lock = machine.checkout / ".venv.busy"
    return subprocess.Popen([*alone, lock, "/bin/sh", "-c", script], **options)


def test_second_set_up_waits_for_the_first(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    script = "echo locked; sleep 1.5"
    with lock_by(machine, script, stdout=subprocess.PIPE) as first:
        assert first.stdout.readline() == b"locked\n"
        result = machine.install()
    assert result.returncode == 0
    assert result.stdout.startswith(f"Waiting for another set-up, process {first.pid}.")
    assert "Set-up done" in result.stdout


def test_lock_of_a_killed_set_up_is_free(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    with lock_by(machine, "echo; exec sleep 60", stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        first.kill()
    result = machine.install()
    assert result.returncode == 0
    assert "Waiting" not in result.stdout


def test_of_many_only_one_is_at_work(machine):
    work = 'mkdir "$0" && sleep 0.02 && rmdir "$0" && echo alone'
    alone = [sys.executable, machine.checkout / "requirements" / "alone.py"]
    command = [*alone, machine.checkout / ".venv.busy", "/bin/sh", "-c", work]
    command.append(machine.checkout / "at work")
    with lock_by(machine, "exec sleep 60") as killed:
        many = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(30)]
        killed.kill()
    said = [process.communicate(timeout=60)[0].splitlines()[-1] for process in many]
    assert said == [b"alone"] * 30


def test_many_set_ups_at_once_make_it_once(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(machine.install()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.returncode for result in results] == [0] * 8
    assert sum("Set-up done" in result.stdout for result in results) == 1
    assert len(machine.calls.read_text().splitlines()) == 4


def test_lock_that_cannot_be_written(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    (machine.checkout / ".venv.busy").mkdir()
    result = machine.install()
    assert result.returncode == 1
    assert re.search(r"Cannot write .*\.venv\.busy: Is a directory\.", result.stderr)


def test_interrupted_set_up_leaves_no_stamp_and_no_lock(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    uv = machine.write("uv", '#!/bin/sh\nkill -TERM "$PPID"\nexit 1\n')
    assert machine.install().returncode != 0
    assert (machine.checkout / ".venv" / "bin" / "python").exists()
    assert not (machine.checkout / ".venv" / ".complete").exists()
    uv.write_text(FAKE_UV)
    result = machine.install()
    assert result.returncode == 0
    assert "Waiting" not in result.stdout


def files_below(folder: Path) -> dict[str, str]:
    """Path → content of each file below a folder; links are not followed."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def plant(machine, kind: str) -> Path:
    """Puts a .venv there that the set-up did not make; returns its real place."""
    venv = machine.checkout / ".venv"
    if kind == "file":
        venv.write_text("mine")
        return venv
    if kind == "dangling link":
        venv.symlink_to(machine.checkout / "nowhere")
        return venv
    place = venv
    if kind == "link":
        place = machine.bin.parent / "elsewhere"
        venv.symlink_to(place)
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").write_text("mine")
    if kind == "finished by another tool":
        (place / ".complete").write_text("mine too")
    return place


KINDS = ["folder", "link", "file", "dangling link", "finished by another tool"]


@pytest.mark.parametrize("action", [[], ["--remove"]], ids=["make", "clean"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_others_made_is_never_deleted(machine, kind, action):
    machine.python("bin/python3.10", "3.10 x86_64")
    place = plant(machine, kind)
    before = files_below(place) if place.is_dir() else None
    result = machine.install(*action)
    assert result.returncode == 2
    message = f"{machine.checkout}/.venv was not made by this set-up, and is left as"
    assert result.stderr.startswith(message)
    assert "    mv '.venv' '.venv-mine'\n" in result.stderr
    if before is None:
        assert place.is_symlink() or place.read_text() == "mine"
    else:
        assert files_below(place) == before
    assert not machine.calls.exists()


def test_empty_folder_is_filled_and_its_link_stays(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    place = machine.bin.parent / "other disk"
    place.mkdir()
    venv = machine.checkout / ".venv"
    venv.symlink_to(place)
    assert machine.install().returncode == 0
    assert (place / "bin" / "python").exists()
    assert machine.install("--remove").returncode == 0
    assert venv.is_symlink()
    assert list(place.iterdir()) == []


def test_what_was_made_here_is_removed(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    assert machine.install("--remove").returncode == 0
    machine.install()
    assert machine.install("--remove").returncode == 0
    assert not (machine.checkout / ".venv").exists()


def test_set_up_of_before_there_were_marks_is_ours(machine):
    python = machine.python("bin/python3.10", "3.10 x86_64")
    venv = machine.checkout / ".venv"
    venv.mkdir()
    (venv / "old").touch()
    (venv / ".complete").write_text(f"TFX 1.14, {python}, {machine.checkout}\n")
    assert machine.install().returncode == 0
    assert not (venv / "old").exists()


def test_mark_is_there_before_anything_else(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.write("uv", "#!/bin/sh\nexit 1\n")
    python = machine.bin / "python3.10"
    text = python.read_text().replace('"-m venv "*)', '"-m venv "*) exit 1 ;; x)')
    python.write_text(text)
    assert machine.install().returncode == 1
    assert (machine.checkout / ".venv" / ".made-by-install.sh").exists()
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.write("uv", FAKE_UV)
    assert machine.install().returncode == 0


def test_disk_without_links(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    (machine.bin.parent / "tools" / "ln").unlink()
    assert machine.install().returncode == 0
    assert (machine.checkout / ".venv" / "lib64").is_dir()


def test_programs_find_their_python_wherever_it_is_moved(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.install()
    settings = (machine.checkout / ".venv" / "pyvenv.cfg").read_text()
    assert settings == "home = x\nrelocatable = true\n"


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_another_place_is_set_up_again(machine, how):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.install()
    old, new = machine.checkout, machine.checkout.with_name("b [1] 'q' #2 é")
    if how == "moved":
        old.rename(new)
    else:
        shutil.copytree(old, new, symlinks=True)
    machine.checkout = new
    assert "Set-up done" in machine.install().stdout
    stamp = (new / ".venv" / ".complete").read_text()
    assert stamp.endswith(f", {new}\n")
    assert (old / ".venv" / ".complete").exists() is (how == "copied")


def test_python_that_is_gone_is_set_up_again(machine):
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.install()
    (machine.checkout / ".venv" / "bin" / "python").unlink()
    assert "Set-up done" in machine.install().stdout


def test_other_choice_is_made_anew(machine):
    machine.platform("Linux", "x86_64", NEW)
    machine.python("bin/python3.10", "3.10 x86_64")
    machine.install()
    (machine.checkout / ".venv" / "gone").touch()
    machine.python("bin/python3.13", "3.13 x86_64")
    assert machine.install().returncode == 0
    assert not (machine.checkout / ".venv" / "gone").exists()
    stamp = (machine.checkout / ".venv" / ".complete").read_text()
    assert stamp.startswith("TFX 1.21, ")
