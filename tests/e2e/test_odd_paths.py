"""Everything in a folder with all the characters that something takes for its own."""

import json
import shutil

import pytest

pytestmark = pytest.mark.e2e

# Patterns, URLs, shells, TOML, rich's markup and emoji; more than 200 characters.
NAME = "a [1] [red] :key: #2 %41 'q' \"d\" é日本 *x? {b,c} $HOME & ;,=" + "long" * 30


@pytest.fixture(scope="module")
def project(make_project):
    project = make_project()
    folder = project.root / NAME
    folder.mkdir()
    shutil.move(project.root / "data", folder / "data")
    shutil.move(project.root / "schema" / "schema.pbtxt", folder / "schema.pbtxt")
    (folder / "settings.toml").write_text("[train]\nseed = 3\n", encoding="utf-8")
    return project


def call(project, command: str, *options: str):
    args = ["-m", "pipeline.cli", *command.split(), "--workspace", f"{NAME}/ws"]
    finished = project.command(*args, *options)
    assert finished.code == 0, finished.err
    return finished


def test_run_and_what_comes_after_it(project):
    places = ["--data", f"{NAME}/data/mnist", "--schema", f"{NAME}/schema.pbtxt"]
    settings = ["--preset", "quick", "--config", f"{NAME}/settings.toml", "--json"]
    first = call(project, "run", *places, *settings)
    assert first.summary["status"] == "pushed"
    assert first.summary["data"] == {"train": 4000, "val": 500, "test": 1000}
    assert f"/{NAME}/ws/logs/" in first.err

    again = call(project, "run", *places, *settings)
    assert again.rerun() == set()

    found = json.loads(call(project, "evaluate", f"{NAME}/data/mnist", "--json").out)
    assert found["accuracy"] == first.summary["metrics"]["accuracy"]
    assert "all files as published" in call(project, "models verify").out
    assert f"{NAME}/ws/reports/" in call(project, "report").out
    page = next((project.root / NAME / "ws/reports").glob("2*/index.html"))
    assert "Not shown" not in page.read_text(encoding="utf-8")
