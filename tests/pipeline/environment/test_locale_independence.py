"""The command in locales and on screens that lack characters; each is a process."""

import json
import os
import subprocess
import sys

import pytest

from components.checkout import PROJECT_ROOT

pytestmark = pytest.mark.slow

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SCREENS = {
    "ascii": C_LOCALE,
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp437": {"PYTHONIOENCODING": "cp437:strict", **C_LOCALE},
}
SHOW = """
import sys
from pipeline.environment.locale_independence import be_independent_of_locale
be_independent_of_locale()
print("\\u2713 \\u2717 a \\u2192 b \\u2026 \\u2265 \\u280b \\xe9 \\u65e5 \\udcff")
print(sys.flags.utf8_mode, sys.stdout.encoding, file=sys.stderr)
print(sys.argv[1:], open(sys.argv[1]).read(), file=sys.stderr)
"""


def call(words, env, **options):
    clean = {key: value for key, value in os.environ.items() if key[:2] != "LC"}
    return subprocess.run(
        [sys.executable, *words],
        env={**clean, "PYTHONPATH": str(PROJECT_ROOT), "LANG": "C.UTF-8", **env},
        cwd=PROJECT_ROOT,
        capture_output=True,
        timeout=60,
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    ("env", "shown"),
    [
        ({}, "✓ ✗ a → b … ≥ ⠋ é 日 \\udcff".encode()),
        (C_LOCALE, rb"+ x a -> b ... >= * \xe9 \u65e5 \udcff"),
        (SCREENS["latin-1"], b"+ x a -> b ... >= * \xe9 \\u65e5 \\udcff"),
        (SCREENS["cp437"], b"+ x a -> b ... \xf2 * \x82 \\u65e5 \\udcff"),
    ],
    ids=["utf-8", *SCREENS],
)
def test_a_screen_shows_what_it_can(env, shown):
    done = call(["-c", SHOW, __file__], env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip() == shown


def test_files_are_utf8_and_arguments_unchanged(tmp_path):
    file = tmp_path / "é日本.txt"
    file.write_text("é日本", encoding="utf-8")
    done = call(["-c", SHOW, str(file), "b c"], C_LOCALE)
    assert done.returncode == 0, done.stderr
    mode, rest = done.stderr.decode().splitlines()
    assert mode == "1 ascii"
    assert rest.endswith(r".txt', 'b c'] \xe9\u65e5\u672c")


def test_asked_to_stay_out_of_utf8_it_still_answers():
    done = call(["-X", "utf8=0", "-m", "pipeline.cli", "--help"], C_LOCALE)
    assert done.returncode == 0, done.stderr
    assert b"From MNIST TFRecords" in done.stdout


@pytest.mark.parametrize("env", SCREENS.values(), ids=SCREENS)
def test_commands_work_on_every_screen(tmp_path, env):
    data = tmp_path / "é日本"
    data.mkdir()
    (data / "classes.json").write_text('["✓"]', encoding="utf-8")
    words = ["-m", "pipeline.cli"]
    run = call([*words, "run", "--data", str(data), "--workspace", str(tmp_path)], env)
    assert run.returncode == 1
    assert b"expected 10 names" in run.stderr.lower()
    assert b"Traceback" not in run.stderr
    doctor = call([*words, "doctor", "--data", str(data), "--json"], env)
    details = {found["name"]: found["detail"] for found in json.loads(doctor.stdout)}
    assert details["data"] == f"no *.tfrecord.gz files in {data / 'train'}"


def test_paths_that_are_no_text_are_refused(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xff"
    for option in (b"--data", b"--workspace", b"--schema", b"--set"):
        value = b"data=" + folder if option == b"--set" else folder
        done = call(["-m", "pipeline.cli", "run", option, value], {})
        assert done.returncode == 2
        message = done.stderr
        assert b"Expected " + option + b" to be in UTF-8" in message
        assert b"/\\udcff. Give a folder another name" in message
