"""The page in headless Chromium: widths of a phone and a desk, light and dark."""

import json
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import attrs
import pytest

from pipeline.reporting.page import look_up, make_page
from tests.pipeline.reporting.parsed_page import Parsed

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FASHION = Path(__file__).parents[3] / "configs/fashion-classes.json"
# An A4 page between its margins has 718 of a browser's pixels.
PHONE, PAPER, DESK = 390, 718, 1280
LIGHT, DARK = "1", "0"
# The page forbids scripts; the copy under test carries one that measures it.
POLICY = "default-src 'none';"
MEASURE = """<script>
const errors = [];
addEventListener("error", event => errors.push(event.message || "not loaded"), true);
addEventListener("securitypolicyviolation", event => errors.push(event.blockedURI));
addEventListener("load", () => parent.postMessage({
  errors: errors.join(" "),
  width: innerWidth,
  content: document.documentElement.scrollWidth,
  paper: getComputedStyle(document.querySelector("section")).backgroundColor,
  requests: performance.getEntriesByType("resource")
    .map(entry => entry.name).filter(name => !name.startsWith("data:")).join(" "),
  broken: [...document.images].filter(image => !image.naturalWidth).length,
  stretched: [...document.querySelectorAll("img.digit[width]")]
    .filter(image => image.clientWidth !== image.clientHeight).length,
  beside: [...document.querySelectorAll(".thumbnails")].map(list =>
    new Set([...list.children].map(item => item.offsetTop)).size < list.children.length
  ).join(" "),
  digits: document.querySelectorAll("img.digit[width]").length,
  scores: [...document.querySelectorAll(".scores")]
    .map(table => table.scrollWidth - table.parentElement.clientWidth).join(" "),
}, "*"));
</script>"""
# A window cannot be as narrow as a phone, a frame in it can.
FRAME = """<!doctype html><html><body><script>
addEventListener("message", event =>
  Object.assign(document.documentElement.dataset, event.data));
</script><iframe src="page.html" style="width: {width}px; height: 900px"></iframe>
</body></html>"""


@attrs.frozen
class Loaded:
    """What the browser made of a page.

    Attributes:
      measured: by name what the script measured.
      document: the document of the browser.
      console: its lines.
    """

    measured: dict[str, str]
    document: str
    console: list[str]


class Root(HTMLParser):
    """The attributes of the first element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag, attributes) -> None:
        if tag == "html":
            self.attributes = dict(attributes)


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"needs a browser, none of {', '.join(BROWSERS)} is on PATH")
    return found


@pytest.fixture
def load(browser: str, tmp_path: Path) -> Callable[..., Loaded]:
    """Loads a page from disk in a frame of some width."""

    def run(html: str, width: int, scheme: str = LIGHT) -> Loaded:
        assert POLICY in html
        scripted = html.replace(POLICY, f"{POLICY} script-src 'unsafe-inline';", 1)
        scripted = scripted.replace("</title>", f"</title>{MEASURE}", 1)
        (tmp_path / "page.html").write_text(scripted)
        frame = tmp_path / "frame.html"
        frame.write_text(FRAME.format(width=width))
        document, console = dump(browser, frame, scheme)
        attributes = Root(document).attributes
        measured = {name.removeprefix("data-"): v for name, v in attributes.items()}
        return Loaded(measured, document, console)

    return run


def dump(browser: str, file: Path, scheme: str = LIGHT) -> tuple[str, list[str]]:
    """Returns the document that the browser makes of a file, and its console."""
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--virtual-time-budget=5000",
            f"--blink-settings=preferredColorScheme={scheme}",
            f"--user-data-dir={file.parent / 'profile'}",
            f"--window-size={DESK + 40},1000",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, [x for x in done.stderr.splitlines() if "CONSOLE" in x]


@pytest.fixture(scope="module")
def pages(lineage, make_summary) -> dict[str, tuple[dict, str]]:
    """By name a summary and its page: of a whole run, and of one that failed."""
    nodes = {node for node, _ in lineage.artifacts}
    failed = make_summary(
        status="failed",
        failure={"node": "ExampleGen", "cause": "OSError: " + "/long/path" * 20},
        data={},
        metrics=None,
        baseline=None,
        checks=[],
        model={"path": None, "version": None, "parameters": None, "precision": None},
    )
    whole = make_summary()
    return {
        "whole": (whole, make_page(whole, lineage).html),
        "failed": (failed, make_page(failed, lineage.without(*nodes)).html),
    }


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", ["whole", "failed"])
def test_the_page_fits_and_loads_without_an_error_or_a_request(
    load, pages, name: str, width: int
) -> None:
    loaded = load(pages[name][1], width)

    assert loaded.console == []
    assert loaded.measured["errors"] == ""
    assert loaded.measured["requests"] == ""
    assert loaded.measured["broken"] == "0"
    assert loaded.measured["width"] == str(width)
    # Nothing is wider than the window, so nothing scrolls sideways.
    assert int(loaded.measured["content"]) <= width


@pytest.mark.parametrize(
    ("medium", "width"), [("@media print", PHONE), ("@media all", PAPER)]
)
def test_scores_of_named_classes_are_seen_whole_and_digits_stay_square(
    load, lineage, make_summary, medium: str, width: int
) -> None:
    named = make_summary(classes=json.loads(FASHION.read_text()))
    page = make_page(named, lineage).html
    assert page.count("@media print") == 1

    # Once on a screen, once as it would be printed.
    loaded = load(page.replace("@media print", medium), width)

    assert int(loaded.measured["scores"]) <= 0
    assert int(loaded.measured["digits"]) >= 10
    assert loaded.measured["stretched"] == "0"
    # Both galleries, of mistakes and of predictions, have several images in a row.
    assert loaded.measured["beside"] == "true true"


def test_the_measures_can_fail(load, pages) -> None:
    wide = (
        '<div style="width: 2000px">x</div><img src="http://example.invalid/a.png">'
        "<script>missing()</script>"
    )
    loaded = load(pages["failed"][1].replace("</main>", f"{wide}</main>"), PHONE)

    assert int(loaded.measured["content"]) > 1900
    assert loaded.measured["broken"] == "1"
    assert "missing is not defined" in loaded.measured["errors"]
    assert "example.invalid" in loaded.measured["errors"]
    assert any("missing is not defined" in line for line in loaded.console)


def test_numbers_in_the_browser_are_those_of_the_summary(
    browser: str, pages, tmp_path: Path
) -> None:
    summary, html = pages["whole"]
    (tmp_path / "index.html").write_text(html)
    document, console = dump(browser, tmp_path / "index.html")
    values = Parsed(document).values

    assert console == []
    assert {"metrics.accuracy", "metrics.loss", "checks.0.value"} <= values.keys()
    assert values.keys() == Parsed(html).values.keys()
    for key, found in values.items():
        assert set(found) == {look_up(summary, key)}, key


def test_light_and_dark_follow_the_system(load, pages) -> None:
    papers = {
        scheme: load(pages["failed"][1], DESK, scheme).measured["paper"]
        for scheme in (LIGHT, DARK)
    }

    assert papers == {LIGHT: "rgb(255, 255, 255)", DARK: "rgb(29, 33, 40)"}
