"""Links in Markdown lead to files and headings that are there; `make check` runs it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/*.md")])
_CODE = re.compile(r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether a link names no file, or no heading of one; a web address is no file."""
    target, _, anchor = link.partition("#")
    file = page.parent / target if target else page
    if re.match(r"[a-z]+:", target):
        return False
    return not file.exists() or bool(anchor and anchor not in anchors(file))


def broken_links(page: Path) -> list[str]:
    """Returns the links of a page that lead nowhere."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    links = ["".join(groups) for groups in _LINK.findall(text)]
    return [link for link in links if leads_nowhere(page, link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# A `word`, said\n", encoding="utf-8")
    links = ("gone.md", "#no", "other.md#no", "other.md#a-word-said", "https://x.y/z")
    text = "\n".join(f"[text]({link})" for link in links)
    page.write_text(f"# Title\n{text}\n`[code](gone)`\n", encoding="utf-8")

    assert broken_links(page) == ["gone.md", "#no", "other.md#no"]
