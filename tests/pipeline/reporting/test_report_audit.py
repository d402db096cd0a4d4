"""ModelAudit on the page: slices, mistakes, and whether the data means the same."""

import re

import attrs
import pytest

from components.evaluation.audit_files import MEANING, UNKNOWN, write_model_audit
from pipeline.metadata.lineage import RunArtifact
from pipeline.reporting.page import make_page
from tests.pipeline.reporting.conftest import MEASURED

pytestmark = pytest.mark.slow


def cells(html: str, row: str) -> list[str]:
    """Returns the cells of the row with some heading."""
    [line] = [line for line in html.splitlines() if f'"row">{row}</th>' in line]
    return re.findall(r"<td[^>]*>([^<]*)</td>", line)


@pytest.fixture
def audited(lineage, tmp_path):
    """Makes the lineage of a run in which ModelAudit measured something else."""

    def make(measured):
        write_model_audit(tmp_path, measured)
        own = {("ModelAudit", "blessing"): RunArtifact(str(tmp_path), {})}
        return attrs.evolve(lineage, artifacts={**lineage.artifacts, **own})

    return make


def test_slices_come_with_the_worst_first(lineage, make_summary) -> None:
    html = make_page(make_summary(), lineage).html

    worst = "class 4 (Coat &lt;b&gt;) and 9 (Ankle boot)"
    assert cells(html, worst) == ["210", "81.25 %", "none", "none"]
    assert cells(html, "slant, lowest third") == ["300", "98.75 %", "97.50 %", "+1.25"]
    assert html.index(worst) < html.index("slant, lowest third")
    assert f"{worst}: 20 of 1,234 mistakes, the most confident first" in html


def test_the_four_accuracies_and_the_names_are_shown(lineage, make_summary) -> None:
    html = make_page(make_summary(), lineage).html

    assert cells(html, "of this run") == ["96.25 %", "6.25 %"]
    assert cells(html, "of the earlier model") == ["3.75 %", "91.25 %"]
    assert "seem to be renamed: 3 (Dress) now 4 (Coat &lt;b&gt;)." in html


def test_what_the_model_is_sure_of_is_counted_and_drawn(
    lineage, audited, make_summary
) -> None:
    html = make_page(make_summary(), lineage).html
    without = make_page(make_summary(), audited(MEASURED)).html

    assert cells(html, "letters") == ["56", "14", "25.00 %"]
    assert cells(html, "shapeless") == ["41", "0", "0.00 %"]
    drawn = 'alt="Unknown pictures that the model is sure of"'
    assert drawn in html
    assert drawn not in without


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"slices": []}, "Not measured: the test split is too small for slices."),
        ({MEANING: {"not_compared": "it is gone"}}, "Not compared: it is gone."),
        ({UNKNOWN: {}}, "Not measured: the model was shown no such pictures."),
    ],
)
def test_what_was_not_measured_is_said(audited, make_summary, changes, said) -> None:
    made = make_page(make_summary(), audited({**MEASURED, **changes}))

    assert made.problems == []
    assert said in made.html


def test_a_first_run_has_nothing_to_compare_with(audited, make_summary) -> None:
    measured = {key: value for key, value in MEASURED.items() if key != MEANING}
    made = make_page(make_summary(), audited({**measured, "mistakes": None}))

    assert "no model was published of other data" in made.html
    assert made.problems == []
