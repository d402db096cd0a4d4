"""What a reader of foreign data met beside good examples: counted, named, judged.

Readers fill it while their examples are taken; ``data convert`` shows it at the end
and writes it into dataset.json.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.errors import DatasetError
from pipeline.datasets.pictures import GreyPicture
from pipeline.datasets.target import TARGET

_MOST_SHOWN = 20
_MOST_KEPT = 1000
_SIZES_SHOWN = 3
_MOST_INVERTED = 0.9
LEAVE_OUT = "or leave out with --skip-bad what cannot be used"


def some(names: Sequence[object], total: int | None = None, most: int = 6) -> str:
    """Lists the first names, and says how many there are besides.

    Args:
        names: shown as text that any screen can show.
        total: how many there are, where ``names`` has only the first of them.
        most: how many are shown.

    Returns:
        For example ``ant, bee, … and 6 more``.
    """
    total = len(names) if total is None else total
    shown = [printable(name) for name in names[:most]]
    more = [f"… and {total - len(shown):,} more"] * (total > len(shown))
    return ", ".join(shown + more)


def printable(name: object) -> str:
    """Returns a name with escapes for what no screen shows, like bytes of no UTF-8."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(name)
    )


@dataclass
class Names:
    """How many there were of something, and the first of their names."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: object) -> None:
        """Counts one."""
        self.count += 1
        if len(self.first) < _MOST_KEPT:
            self.first.append(str(name))


@dataclass
class Findings:
    """Counts of what was changed, left out or could not be read.

    Attributes:
        bad: examples, files and folders that cannot be read, each with the reason.
        outside: labels that are no class, to how many examples have them.
        outside_at: the place of the first of those.
        labels: labels that are classes, of all examples.
        colour: pictures whose colour was dropped.
        sizes: (width, height) of pictures that were resized, to how many.
        frames: pictures of which only the first frame was read.
        scaled: what held pixels in another range, each with what was done.
        litter: files and folders of operating systems, passed over.
        left_out: files of another kind.
        links: links to folders, followed.
        images: all that were written.
        inverted: those that look like dark ink on a bright ground.
    """

    bad: Names = field(default_factory=Names)
    outside: Counter[int] = field(default_factory=Counter)
    outside_at: str = ""
    labels: Counter[int] = field(default_factory=Counter)
    colour: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    frames: int = 0
    scaled: list[str] = field(default_factory=list)
    litter: int = 0
    left_out: Names = field(default_factory=Names)
    links: int = 0
    images: int = 0
    inverted: int = 0

    def add_bad(self, where: object, reason: object) -> None:
        """Notes what cannot be read, and why ("expected ..., received ...")."""
        self.bad.add(f"{where}: {reason}")

    def admits(self, label: int, where: object) -> bool:
        """Says whether a label is a class, and counts it."""
        if 0 <= label < TARGET.classes:
            self.labels[label] += 1
            return True
        self.outside_at = self.outside_at or str(where)
        self.outside[label] += 1
        return False

    def add_picture(self, picture: GreyPicture) -> None:
        """Notes what a picture loses on its way into a record."""
        self.colour += picture.colour
        self.frames += picture.frames
        self.add_size(picture.size)

    def add_size(self, size: tuple[int, int], count: int = 1) -> None:
        """Notes the width and height of pictures, if they had to be resized."""
        if size != (TARGET.width, TARGET.height):
            self.sizes[size] += count

    def require_good(self) -> None:
        """Refuses a source of which something could not be used.

        Raises:
            DatasetError: names all that could not be read, up to a number, and the
                labels that are no class.
        """
        problems = []
        if self.bad.count:
            problems.append(self._describe_bad())
        if self.outside:
            problems.append(self._describe_outside())
        if problems:
            raise DatasetError("\n".join(problems))

    def _describe_bad(self) -> str:
        if self.bad.count == 1:
            [one] = self.bad.first
            return f"{printable(one)}. Replace or remove it, {LEAVE_OUT}."
        return (
            f"Expected a source that can be read. Received: {self.bad.count:,} items "
            f"that cannot:\n{_lines(self.bad)}\n"
            f"Replace or remove them, {LEAVE_OUT}."
        )

    def _describe_outside(self) -> str:
        seen = sorted({*self.labels, *self.outside})
        number = self.outside.total()
        return (
            f"{printable(self.outside_at)}: expected labels in "
            f"0..{TARGET.classes - 1}, since exactly {TARGET.classes} classes are "
            f"supported. Received: {len(seen):,} different labels, from "
            f"{seen[0]} to {seen[-1]}; "
            f"{number:,} of {number + self.labels.total():,} examples have one "
            f"outside, this one is the first. Correct the labels, convert a data set "
            f"of {TARGET.classes} classes, {LEAVE_OUT}."
        )

    def lines(self) -> Iterable[str]:
        """Yields what a person should know of a conversion, a fact each."""
        if self.bad.count:
            yield (
                f"Left out {self.bad.count:,} that cannot be read:\n{_lines(self.bad)}"
            )
        if self.outside:
            number = _counted(self.outside.total(), "example")
            labels = some(sorted(self.outside))
            yield f"Left out {number} whose label is no class: {labels}."
        if self.colour:
            yield f"Dropped the colour of {_counted(self.colour, 'image')}."
        if self.sizes:
            number = _counted(self.sizes.total(), "image")
            size = f"{TARGET.width}x{TARGET.height}"
            yield f"Resized {number} to {size}: {self._describe_sizes()}."
        if self.frames:
            yield f"Read the first frame alone of {_counted(self.frames, 'image')}."
        yield from (f"{printable(one)}." for one in self.scaled)
        if self.inverted > _MOST_INVERTED * self.images:
            yield (
                f"{self.inverted:,} of {_counted(self.images, 'image')} look like dark "
                "ink on a bright ground; 'mnist-pipeline predict' shows a model bright "
                "ink on black. With --invert, or without it, they are the other way "
                "round."
            )
        if self.links:
            yield f"Followed {_counted(self.links, 'link')} to a folder."
        if self.left_out.count:
            number = _counted(self.left_out.count, "file")
            named = some(self.left_out.first, self.left_out.count)
            yield f"Left out {number} of another kind: {named}."
        if self.litter:
            number = _counted(self.litter, "file")
            yield f"Passed over {number} of the operating system, like .DS_Store."

    def _describe_sizes(self) -> str:
        common = self.sizes.most_common(_SIZES_SHOWN)
        shown = [f"{count:,} of {w}x{h}" for (w, h), count in common]
        rest = self.sizes.total() - sum(count for _, count in common)
        return ", ".join(shown + [f"… and {rest:,} more"] * (rest > 0))

    def to_json(self, root: str) -> dict[str, Any]:
        """Returns what is to be kept of it, nothing that is zero.

        Args:
            root: start of names, left out, so that a copy of the source reads alike.
        """
        values = {
            "left_out": [
                name.removeprefix(root).lstrip("/:, ") for name in self.bad.first
            ],
            "left_out_count": self.bad.count,
            "labels_left_out": {str(k): n for k, n in sorted(self.outside.items())},
            "colour_dropped": self.colour,
            "resized": {
                f"{w}x{h}": count
                for (w, h), count in sorted(self.sizes.most_common(_MOST_SHOWN))
            },
            "resized_count": self.sizes.total(),
            "first_frame_read": self.frames,
            "scaled": [text.removeprefix(root).lstrip("/: ") for text in self.scaled],
        }
        return {name: value for name, value in values.items() if value}


def _lines(names: Names) -> str:
    shown = [f"  {printable(name)}" for name in names.first[:_MOST_SHOWN]]
    more = names.count - len(shown)
    return "\n".join(shown + [f"  … and {more:,} more"] * (more > 0))


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s'[: count != 1]}"
