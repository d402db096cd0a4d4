"""What was measured, as figures, targets and a page; each line keeps its own."""

import copy
import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.figures import NOTHING, number, pair_ratios, ratio, spread, values
from benchmarks.pages import PLOT, results_page
from benchmarks.results import add_part, write_page
from benchmarks.targets import Target, all_targets, growth
from pipeline.environment.tfx_line import installed_line

ROUNDS = [
    {
        "ours": {"wall": 60.0, "accuracy": 0.99, "outside_training": 31.0},
        "cached": {"wall": 12.0},
        "tfx_shipped": {"wall": 200.0, "accuracy": 0.95, "peak_memory": 1234.0},
        "tfx_best": {"wall": 120.0},
        "bare": {"wall": 30.0},
    },
    {
        "ours": {"wall": 50.0, "accuracy": 0.98, "outside_training": 29.0},
        "cached": {"wall": 10.0},
        "tfx_shipped": {"wall": 100.0, "accuracy": 0.94},
        "tfx_best": {"wall": 100.0},
        "bare": {"wall": 50.0},
    },
]
ROUNDS[0]["ours"]["node_seconds"] = {"Zebra": 2.0, "Ant": 1.0}
ROUNDS[1]["bare"]["seconds"] = {"load": 0.5}
SCALE = [
    {
        factor: {
            "seconds": {"ExampleGen": seconds, "Pusher": pushed, "an epoch": epoch},
            "peak_memory": {"ExampleGen": 800, "Pusher": memory},
        }
        for factor, seconds, pushed, epoch, memory in [
            ("1", 10.0, 0.1, 3.0, 500),
            ("10", 104.0, 9.9, 24.0, 900),
        ]
    }
]
WAYS = {
    "predict_pixels": {"latency_ms": [0.5, 0.9], "throughput": [80, 100, 90]},
    "bare_compiled": {"latency_ms": [0.4, 0.8], "throughput": [99, 100, 110]},
    "bare_called": {"latency_ms": [2.0, 3.0], "throughput": [50, 50, 50]},
    "bare_predict": {"latency_ms": [4.0, 5.0], "throughput": [60, 60, 60]},
}
ORIGIN = {
    "commit": "abc1234",
    "date": "2026-11-24",
    "machine": "a machine",
    "versions": {"tfx": "1.0"},
}
PARTS = {
    "contenders": {**ORIGIN, "count": 2, "rounds": ROUNDS},
    "scale": {**ORIGIN, "count": 1, "rounds": SCALE},
    "serving": {**ORIGIN, "count": 3, "ways": WAYS},
}


def cells(page: str, start: str) -> list[str]:
    """Returns the cells of the one row whose first cell is ``start``."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines()]
    [row] = [row for row in rows if row[0] == start]
    return row[1:]


def test_figures_of_a_contender_are_those_of_the_rounds_that_have_them() -> None:
    assert values(ROUNDS, "ours", "wall") == [60.0, 50.0]
    assert values(ROUNDS, "tfx_shipped", "peak_memory") == [1234.0]
    assert values(ROUNDS, "nobody", "wall") == []
    assert pair_ratios(ROUNDS, "ours", "bare", "wall") == [2.0, 1.0]
    assert pair_ratios(ROUNDS, "ours", "nobody", "wall") == []


def test_numbers_show_their_range_where_there_is_one() -> None:
    assert spread([3.0, 1.04, 2.0], 1) == "2.0 (1.0–3.0)"
    assert spread([1234.5], 0) == "1,234"
    assert spread([], 1) == number(None, 1) == NOTHING
    assert ratio(None, 2.0) is ratio(2.0, None) is None
    assert ratio(3.0, 2.0) == 1.5


def test_each_target_is_computed_from_the_medians() -> None:
    expected = [55 / 150, 55 / 110, 55 / 40, 30.0, 10.4, 1.8, 90 / 100]
    found = all_targets(PARTS)

    assert [target.value for target in found] == pytest.approx(expected)
    assert [target.reached for target in found] == [
        False,
        True,
        True,
        True,
        True,
        False,
        True,
    ]


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert [target.reached for target in all_targets({})] == [None] * 7


@pytest.mark.parametrize(
    ("value", "at_least", "reached"),
    [(2.0, False, True), (2.01, False, False), (2.0, True, True), (1.99, True, False)],
)
def test_a_bound_may_be_met_exactly(value, at_least, reached) -> None:
    assert Target("", 2.0, value, at_least=at_least).reached is reached


def test_growth_is_that_of_nodes_measured_at_both_ends() -> None:
    assert growth(SCALE, "peak_memory") == {"ExampleGen": 1.0, "Pusher": 1.8}
    assert growth([{"1": SCALE[0]["1"]}], "seconds") == {}


def test_the_page_has_each_contender_with_its_ratio() -> None:
    page = results_page({"1.16": PARTS})

    assert cells(page, "TFX's example as shipped") == [
        "150.0 (100.0–200.0)",
        NOTHING,
        "1,234",
        "94.50 (94.00–95.00)",
        "0.40 (0.30–0.50)",
    ]
    assert cells(page, "this pipeline, fresh workspace")[0] == "55.0 (50.0–60.0)"
    assert page.index("| Zebra | 2.0 |") < page.index("| Ant | 1.0 |")
    assert cells(page, "load") == ["0.5"]


def test_the_page_says_which_targets_are_reached() -> None:
    page = results_page({"1.16": PARTS})

    assert cells(page, "wall, ours / TFX's example as shipped") == [
        "≤ 0.30",
        "0.367, **not reached**",
    ]
    assert cells(page, "outside training, imports included") == [
        "≤ 30.0 s",
        "30.00 s, reached",
    ]
    assert "not measured" in results_page({"1.16": {}})


def test_the_page_has_the_scale_and_the_signatures() -> None:
    page = results_page({"1.16": PARTS})
    seconds, memory = page.split("peak memory in MB")

    assert cells(seconds, "ExampleGen") == ["10.0", "104.0", "10.40"]
    assert cells(memory, "Pusher") == ["500", "900", "1.80"]
    assert cells(page, "`predict_pixels`, uint8 arrays") == [
        "0.50",
        "0.90",
        "90 (80–100)",
        "0.90",
    ]


def test_a_part_that_a_line_has_not_is_said_to_be_missing() -> None:
    page = results_page({"1.16": PARTS, "1.21": {"serving": PARTS["serving"]}})
    scale, serving = page.split("## Scale")[1].split("## Serving")

    assert "TFX 1.21: not measured." in scale
    assert "### TFX 1.16, seconds" in scale
    assert "not measured" not in serving
    assert "\n\n\n" not in page
    assert page.endswith("|\n")


def test_both_lines_stand_side_by_side() -> None:
    other = copy.deepcopy(PARTS)
    other["contenders"]["rounds"][0]["ours"]["node_seconds"] = {"Zebra": 3.0}
    page = results_page({"1.16": PARTS, "1.21": other})

    assert "|  | TFX 1.21 | TFX 1.16 |" in page
    assert cells(page, "Zebra") == ["3.0", "2.0"]
    assert cells(page, "Ant") == [NOTHING, "1.0"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Has results of another line."""
    (tmp_path / results.DATA).write_text(json.dumps({"9.99": PARTS}))
    return tmp_path


def test_a_part_takes_the_place_of_its_like_alone(folder: Path) -> None:
    add_part(folder, "scale", {"rounds": SCALE, "count": 1}, "first")
    add_part(folder, "serving", {"ways": WAYS, "count": 3}, "first")
    add_part(folder, "scale", {"rounds": SCALE * 2, "count": 2}, "second")

    content = json.loads((folder / results.DATA).read_text())
    line = content[installed_line().name]
    assert content["9.99"] == PARTS
    assert set(line) == {"scale", "serving"}
    assert (line["serving"]["commit"], line["scale"]["commit"]) == ("first", "second")
    assert (line["scale"]["count"], line["scale"]["rounds"]) == (2, SCALE * 2)
    assert line["scale"]["versions"]["tfx"] == installed_line().tfx


def test_the_page_and_the_plot_follow_the_data(folder: Path) -> None:
    add_part(folder, "serving", {"ways": WAYS, "count": 3}, "abc")

    assert {file.name for file in folder.iterdir()} == {
        results.DATA,
        results.PAGE,
        PLOT,
    }
    page = (folder / results.PAGE).read_text()
    assert f"({PLOT})" in page
    assert f"| TFX {installed_line().name} | serving | 3 |" in page
    plot = (folder / PLOT).read_text()
    assert plot.lstrip().startswith("<?xml")
    for text in ("TFX's example as shipped", "TFX 9.99", "150", "not measured"):
        assert text.replace("'", "&#x27;") in plot or text in plot


def test_the_same_results_give_the_same_files(folder: Path) -> None:
    write_page(folder)
    first = [(folder / name).read_bytes() for name in (results.PAGE, PLOT)]
    write_page(folder)

    assert first == [(folder / name).read_bytes() for name in (results.PAGE, PLOT)]
