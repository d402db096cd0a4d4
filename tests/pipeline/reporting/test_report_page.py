"""The page: what it shows, what it says where something is missing."""

import itertools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from pipeline.reporting import PAGE_FILE, page
from pipeline.reporting.page import look_up, make_page, points
from pipeline.reporting.report import write_page, write_summary
from pipeline.reporting.sources import Sources
from pipeline.summary import SUMMARY_FILE
from tests.pipeline.reporting.parsed_page import Parsed

pytestmark = pytest.mark.slow

TITLES = ["Checks", "Data", "Training", "Model", "Change against the baseline"]
TITLES += ["Timeline", "Lineage"]


@pytest.fixture(scope="module")
def whole(lineage, make_summary) -> tuple[dict[str, Any], str]:
    """The summary and the page of a run with everything."""
    summary = make_summary()
    made = make_page(summary, lineage)
    assert made.problems == []
    return summary, made.html


def test_every_number_of_the_summary_is_on_the_page(whole) -> None:
    summary, html = whole
    values = Parsed(html).values

    for key, found in values.items():
        assert set(found) == {look_up(summary, key)}, key
    wanted = {"metrics.accuracy", "metrics.loss", "seconds", "model.parameters"}
    wanted |= {"baseline.accuracy", "baseline.loss", "model.path"}
    wanted |= {f"data.{split}" for split in summary["data"]}
    wanted |= {f"{m}.per_class.{d}" for m in ("metrics", "baseline") for d in range(10)}
    wanted |= {f"checks.{n}.value" for n in range(4)}
    wanted |= {f"components.{n}.{k}" for n in range(5) for k in ("seconds", "state")}
    wanted |= {f"digests.{name}" for name in summary["digests"]}
    wanted |= {f"machine.{name}" for name in summary["machine"]}
    wanted |= {"started", "command", "commit"}
    wanted |= {f"versions.{name}" for name in summary["versions"]}
    assert wanted <= values.keys()


def test_every_bound_is_on_the_page(whole) -> None:
    _, html = whole
    values = Parsed(html).values

    bounds = [values[f"checks.{n}.bound"] for n in (0, 2, 3)]
    assert bounds == [[10], [0.5], ["present"]]
    # Drift is among the checks and in a table of its own.
    assert values["checks.1.bound"] == [0.1, 0.1]


def test_numbers_are_shown_as_people_read_them(whole) -> None:
    _, html = whole

    for shown in (
        'value="0.98">98.00 %</data>',
        'value="0.0625">0.0625</data>',
        'value="123456">123,456</data>',
        'value="12.5">12.5 s</data>',
        'value="1.5e-07">1.5e-07</data>',
    ):
        assert shown in html
    assert "+1.00" in html
    assert "−2.00" in html


def test_the_page_says_when_and_how_the_run_ran(whole, lineage, make_summary) -> None:
    _, html = whole

    assert "started 2026-01-01 12:00:00 UTC+02:00" in html
    assert "run --set &#39;model.dropout=&lt;1&#39;" in html
    assert ">c0ffee-dirty<" in html
    elsewhere = make_page(make_summary(commit=None), lineage)
    assert "none: the code ran from no git checkout" in elsewhere.html


def test_what_was_measured_is_always_said(whole) -> None:
    _, html = whole

    assert html.count(">present</data>") == 2
    assert "as asked" not in html


def test_bounds_say_their_direction_where_they_have_one(make_summary, lineage) -> None:
    checks = [
        {**check, "direction": direction}
        for check, direction in zip(
            make_summary()["checks"],
            ("at least", "at most", "at least", ""),
            strict=True,
        )
    ]
    html = make_page(make_summary(checks=checks), lineage).html

    for text in (
        '≥ <data data-key="checks.0.bound" value="10">10</data>',
        '≤ <data data-key="checks.1.bound" value="0.1">0.1</data>',
        '≥ <data data-key="checks.2.bound" value="0.5">0.5</data>',
        '<td><data data-key="checks.3.bound" value="&#34;present&#34;">present</data>',
    ):
        assert text in re.sub(r"\s+<data", " <data", html).replace("<td> <", "<td><")


def test_the_page_needs_nothing_from_anywhere(whole) -> None:
    _, html = whole
    parsed = Parsed(html)

    own = ("data:image/png;base64,", "#", "../../logs/", "summary.json")
    assert [a for a in parsed.addresses if not a.startswith(own)] == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", html) == []
    assert not parsed.tags & {"script", "link", "iframe", "object", "embed"}
    assert "default-src 'none'" in html


def test_headings_are_in_order_and_images_have_texts(whole) -> None:
    _, html = whole
    parsed = Parsed(html)

    levels = [level for level, _ in parsed.headings]
    assert levels[:2] == [1, 2]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    titles = [text for level, text in parsed.headings if level == 2]
    assert titles == ["Pushed as version 7", *TITLES]
    # Classes, augmentation, worst part, unknown, mistakes, predictions, weights.
    assert len(parsed.images) == 10 + 1 + 1 + 1 + 2 + 10 + 1
    assert all(image["alt"] for image in parsed.images)
    assert parsed.images[-2]["alt"].startswith(
        "Test image 0, 9 (Ankle boot); 0 (T-shirt/top) 9"
    )


def test_names_are_escaped_and_stand_in_tables_and_plots(whole) -> None:
    _, html = whole

    assert "<b>}" not in html
    assert "Coat <b>" not in html
    assert "4 (Coat &lt;b&gt;)" in html
    assert "class 3 (Dress)" in html
    assert "digit 3" not in html
    assert "Values are &lt;odd&gt;." in html


def test_a_page_is_the_same_each_time(lineage, make_summary, whole) -> None:
    assert make_page(make_summary(), lineage).html == whole[1]


def test_a_run_that_came_nowhere_has_a_page_that_says_so(lineage, make_summary) -> None:
    nodes = [("ExampleGen", "failed"), ("Trainer", "not run")]
    summary = make_summary(
        status="failed",
        failure={"node": "ExampleGen", "cause": "OSError: <disk>"},
        components=[
            {"id": name, "state": state, "seconds": 0.0, "cached": False}
            for name, state in nodes
        ],
        data={},
        metrics=None,
        baseline=None,
        checks=[],
        model={"path": None, "version": None, "parameters": None, "precision": None},
    )
    everything = {node for node, _ in lineage.artifacts}
    made = make_page(summary, lineage.without(*everything))

    assert made.problems == []
    assert "Not pushed: the run failed" in made.html
    assert "ExampleGen failed: OSError: &lt;disk&gt;" in made.html
    assert "Nothing to show: Trainer was not run." in made.html
    assert "the run ended before a gate looked" in made.html
    assert "<img" not in made.html
    titles = [text for level, text in Parsed(made.html).headings if level == 2]
    assert titles[1:] == TITLES


def test_files_that_are_gone_are_told_and_the_rest_is_shown(
    lineage, make_summary, run_files: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "artifacts"
    shutil.copytree(run_files, copy)
    moved = attrs.evolve(
        lineage,
        artifacts={
            key: attrs.evolve(artifact, uri=str(copy / key[0] / key[1]))
            for key, artifact in lineage.artifacts.items()
        },
    )
    shutil.rmtree(copy / "Trainer" / "model")
    made = make_page(make_summary(), moved)

    assert made.problems == []
    gone = f"the files of Trainer are gone from {copy}/Trainer/model."
    assert made.html.count(gone) == 4
    assert '<span class="bad">gone</span>' in made.html
    assert "Confusion matrix of" in made.html
    assert "training from 1.5000" in made.html


def test_a_part_that_breaks_is_told_and_the_rest_is_shown(
    lineage, make_summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(sources: Sources) -> None:
        raise KeyError("planted")

    monkeypatch.setitem(page._PARTS, "training", broken)
    made = make_page(make_summary(), lineage)

    assert made.problems == ["The report lacks training: KeyError: 'planted'"]
    assert "Could not be shown: KeyError: &#39;planted&#39;" in made.html
    assert "Confusion matrix of" in made.html


def test_an_old_summary_without_names_and_digests_has_a_page(
    lineage, make_summary
) -> None:
    summary = make_summary()
    told = ("started", "command", "commit", "machine")
    for key in ("classes", "config", "digests", "failure", *told):
        del summary[key]
    del summary["model"]["precision"]
    made = make_page(summary, lineage)

    assert made.problems == []
    assert "This run did not write them down." in made.html
    assert "true <b>9</b>" in made.html


def test_summary_and_page_are_written_beside_each_other(
    lineage, make_summary, tmp_path: Path
) -> None:
    directory = tmp_path / "reports" / "run"
    write_summary(directory, make_summary())

    assert write_page(directory, make_summary(), lineage) == []
    assert json.loads((directory / SUMMARY_FILE).read_text()) == make_summary()
    assert (directory / PAGE_FILE).read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in directory.iterdir()) == [
        "index.html",
        "summary.json",
    ]


def gone(lineage, run_files: Path, tmp_path: Path, *nodes: str):
    """The lineage of the run in a copy that lacks the files of some nodes."""
    copy = tmp_path / "artifacts"
    shutil.copytree(run_files, copy)
    for node in nodes:
        shutil.rmtree(copy / node)
    places = {
        key: attrs.evolve(artifact, uri=str(copy / key[0] / key[1]))
        for key, artifact in lineage.artifacts.items()
    }
    return attrs.evolve(lineage, artifacts=places)


@pytest.mark.parametrize("older", [False, True])
def test_a_page_that_knows_less_does_not_replace_one_that_knows_more(
    lineage, make_summary, run_files, tmp_path: Path, older: bool
) -> None:
    file = tmp_path / PAGE_FILE
    write_page(tmp_path, make_summary(), lineage)
    if older:
        text = file.read_text(encoding="utf-8")
        text = re.sub("<meta name=.mnist-parts.*\n", "", text)
        file.write_text(text, encoding="utf-8")
    before = file.read_bytes()
    poorer = gone(lineage, run_files, tmp_path, "Trainer")

    [line] = write_page(tmp_path, make_summary(), poorer)
    assert file.read_bytes() == before
    assert line.startswith(f"Kept {file} as it was: it also shows training, ")
    assert f"the files of Trainer are gone from {tmp_path}/artifacts/Trainer" in line


def test_a_page_that_knows_more_or_as_much_replaces_one(
    lineage, make_summary, run_files, tmp_path: Path
) -> None:
    file = tmp_path / PAGE_FILE
    for nodes in (("Trainer", "ExampleGen"), ("Trainer",), ("Trainer",), ()):
        folder = tmp_path / str(len(nodes)) / str(file.exists())
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        seconds = float(len(nodes))
        summary = make_summary(seconds=seconds)
        poorer = gone(lineage, run_files, folder, *nodes)
        assert write_page(tmp_path, summary, poorer) == []
        assert Parsed(file.read_text(encoding="utf-8")).values["seconds"][0] == seconds


@pytest.mark.parametrize("damage", ["", "<!doctype html>\n<figure", "\0\0"])
def test_a_damaged_page_is_replaced_by_any(
    lineage, make_summary, run_files, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / PAGE_FILE
    file.write_text(damage)
    write_page(tmp_path, make_summary(), gone(lineage, run_files, tmp_path, "Trainer"))
    assert file.read_text(encoding="utf-8").endswith("</html>")


def test_a_key_leads_through_tables_and_lists() -> None:
    assert look_up({"a": [{"b.": 1}, {"c": 2}]}, "a.1.c") == 2


@pytest.mark.parametrize(
    ("change", "shown"),
    [(0.0123, "+1.23"), (-0.005, "−0.50"), (0.0, "+0.00"), (None, "none")],
)
def test_changes_have_a_sign(change: float | None, shown: str) -> None:
    assert points(change) == shown
