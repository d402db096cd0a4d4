"""Takes a page of a report apart, for the tests of the page and of the browser."""

import json
import re
from html.parser import HTMLParser
from typing import Any

# What a page can load something with.
ADDRESSES = {"src", "srcset", "href", "xlink:href", "data", "poster", "action"}


class Parsed(HTMLParser):
    """A page taken apart.

    Attributes:
      values: key in the summary to the values that the page keeps for it.
      addresses: of everything that the page refers to.
      headings: level and text, in order.
      images: the attributes of each.
      tags: of all elements.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, list[Any]] = {}
        self.addresses: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.images: list[dict[str, str]] = []
        self.tags: set[str] = set()
        self._level = 0
        self.feed(html)

    def handle_starttag(self, tag, attributes) -> None:
        found = dict(attributes)
        self.tags.add(tag)
        self.addresses += [found[name] for name in ADDRESSES & found.keys()]
        if "data-key" in found:
            value = json.loads(found["value"])
            self.values.setdefault(found["data-key"], []).append(value)
        if tag == "img":
            self.images.append(found)
        if re.fullmatch(r"h\d", tag):
            self._level = int(tag[1])
            self.headings.append((self._level, ""))

    def handle_endtag(self, tag) -> None:
        if re.fullmatch(r"h\d", tag):
            self._level = 0

    def handle_data(self, data) -> None:
        if self._level:
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)
