"""Plots as elements of the page."""

from xml.etree import ElementTree

import numpy as np
import pytest

from components.classes import DIGITS
from components.evaluation.calibration import calibrate
from pipeline.reporting import plots
from pipeline.reporting.svg import INK, draw

NAMES = ["a" * 80, "$x_1$", "<b>", "&", *map(str, range(4, 10))]
SHARES = {"train": np.full(10, 0.1), "val": np.linspace(0, 0.18, 10)}
SVG = "{http://www.w3.org/2000/svg}"


def text(figure: str) -> list[str]:
    return [node.text for node in ElementTree.fromstring(figure).iter(f"{SVG}text")]


PLOTS = {
    "curve": lambda: plots.learning_curve("loss", {"loss": [2.0, float("nan")]}, "l"),
    "balance": lambda: plots.class_balance(SHARES, NAMES, "l"),
    "pixels": lambda: plots.pixel_histogram(SHARES, np.linspace(0, 256, 11), "l"),
    "matrix": lambda: plots.confusion_matrix(np.diag([7] * 10), NAMES, "l"),
    "reliability": lambda: plots.reliability(
        calibrate(np.array([0.3, 0.9]), np.array([False, True])), "l"
    ),
    "changes": lambda: plots.changes([None, 0.01, -0.02, *[0.0] * 7], NAMES, "l"),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_one_element_in_the_colours_of_the_page(name: str) -> None:
    figure = PLOTS[name]()
    element = ElementTree.fromstring(figure)

    assert element.tag == f"{SVG}svg"
    assert element.attrib["role"] == "img"
    assert element.attrib["aria-label"] == "l"
    assert "var(--ink)" in figure
    # No colour stays that does not follow the scheme, and no style leaks out.
    assert "#000000" not in figure
    assert "#0" not in figure.replace("href=", "")
    assert "<style" not in figure


def test_the_reliability_diagram_tells_how_many_predictions_each_bar_has() -> None:
    confidence = np.repeat([0.3, 0.95], [12, 1234])
    found = calibrate(confidence, np.ones(len(confidence), bool))

    said = text(plots.reliability(found, "l"))
    assert {"12", "1,234"} <= set(said)
    assert not [one for one in said if "$" in one]


def test_a_plot_is_the_same_each_time() -> None:
    assert PLOTS["matrix"]() == PLOTS["matrix"]()


def test_parts_of_two_plots_do_not_share_names() -> None:
    one, other = (
        draw(label, (2, 2), lambda figure: figure.subplots().plot([1, 2], color=INK))
        for label in ("one", "other")
    )
    clips = [
        {node.split('"')[0] for node in f.split('clipPath id="')[1:]}
        for f in (one, other)
    ]

    assert clips[0]
    assert not clips[0] & clips[1]


def test_counts_of_the_confusion_matrix_are_readable_and_zeros_left_out() -> None:
    counts = np.diag(np.arange(100, 110))
    counts[2, 3] = 17
    found = text(plots.confusion_matrix(counts, DIGITS, "l"))

    assert "17" in found
    assert "105" in found
    # Digits 0 to 9 on each axis, and no count of zero.
    assert found.count("0") == 2


def test_names_are_shortened_escaped_and_never_mathematics() -> None:
    found = text(plots.class_balance(SHARES, NAMES, "l"))

    assert "0 (aaaaaaaaaaaaaa…" in found
    assert "1 ($x_1$)" in found
    assert "2 (<b>)" in found


def test_a_label_is_escaped() -> None:
    figure = draw('a "<b>"', (1, 1), lambda figure: None)

    assert ElementTree.fromstring(figure).attrib["aria-label"] == 'a "<b>"'
