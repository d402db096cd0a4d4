"""Plants defects in data: pure functions from the arrays of all splits to others.

``kinds`` names them; ``changes`` and ``drawings`` say what happens to an image. They
need NumPy, SciPy and Pillow alone, so that other tools can be given the same data.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.defects.changes import Change

ALL = ("train", "val", "test")
CLASSES = 10

# Images uint8 [n, h, w] and labels int64 [n] of a split.
Split = tuple[np.ndarray, np.ndarray]
Splits = dict[str, Split]
Plant = Callable[[Mapping[str, Split]], Splits]
# Labels int64 [n] to others, with the chance to use.
Relabel = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _chosen(
    labels: np.ndarray, share: float, of_class: int | None, rng: np.random.Generator
) -> np.ndarray:
    """Positions of a share of the records, or of those of one class; sorted."""
    candidates = np.arange(len(labels))
    if of_class is not None:
        candidates = np.flatnonzero(labels == of_class)
    count = round(share * len(candidates))
    return np.sort(rng.choice(candidates, count, replace=False))


def images(
    change: Change,
    share: float = 1.0,
    splits: Sequence[str] = ALL,
    of_class: int | None = None,
) -> Plant:
    """Changes the images of a share of the records, or of those of one class."""

    def plant(data: Mapping[str, Split]) -> Splits:
        rng, spoilt = np.random.default_rng(0), dict(data)
        for split in splits:
            pixels, labels = data[split]
            hit = _chosen(labels, share, of_class, rng)
            pixels = pixels.copy()
            pixels[hit] = change(pixels[hit])
            spoilt[split] = pixels, labels
        return spoilt

    return plant


def relabelled(
    change: Relabel,
    share: float = 1.0,
    splits: Sequence[str] = ALL,
    of_class: int | None = None,
) -> Plant:
    """Changes the labels of a share of the records, or of those of one class."""

    def plant(data: Mapping[str, Split]) -> Splits:
        rng, spoilt = np.random.default_rng(0), dict(data)
        for split in splits:
            pixels, labels = data[split]
            hit = _chosen(labels, share, of_class, rng)
            labels = labels.copy()
            labels[hit] = change(labels[hit], rng)
            spoilt[split] = pixels, labels
        return spoilt

    return plant


def plus(step: int) -> Relabel:
    """Counts the classes from another one."""
    return lambda labels, rng: (labels + step) % CLASSES


def swapped(one: int, other: int) -> Relabel:
    """Exchanges the names of two classes."""

    def change(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.where(
            labels == one, other, np.where(labels == other, one, labels)
        ).astype(np.int64)

    return change


def to(label: int) -> Relabel:
    """Gives all the same label."""
    return lambda labels, rng: np.full_like(labels, label)


def sorted_as_text(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers the classes in another alphabetical order: of their English names."""
    return np.array([9, 4, 8, 7, 2, 1, 6, 5, 0, 3])[labels]


def any_other(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gives each another label, by chance."""
    return (labels + rng.integers(1, CLASSES, len(labels))) % CLASSES


def shuffled(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deals the labels out anew."""
    return rng.permutation(labels)


def of_the_neighbour(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gives each the label of the record before."""
    return np.roll(labels, 1)


def neighbours_in_a_shard(shards: int, splits: Sequence[str] = ("train",)) -> Plant:
    """Gives each record of the last of so many shards the label of the one before."""

    def plant(data: Mapping[str, Split]) -> Splits:
        spoilt = dict(data)
        for split in splits:
            pixels, labels = data[split]
            first = len(labels) - len(labels) // shards
            moved = np.concatenate([labels[:first], np.roll(labels[first:], 1)])
            spoilt[split] = pixels, moved
        return spoilt

    return plant


def copied(
    source: str, target: str, share: float, change: Change = np.copy, step: int = 0
) -> Plant:
    """Puts a share of one split in the place of the first records of another.

    Args:
      source: of the copies.
      target: gets them.
      share: of the source.
      change: made to the copies.
      step: added to their labels.
    """

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = (array.copy() for array in data[target])
        count = min(round(share * len(data[source][1])), len(labels))
        copies, own = (array[:count] for array in data[source])
        pixels[:count], labels[:count] = change(copies), (own + step) % CLASSES
        return {**data, target: (pixels, labels)}

    return plant


def repeated(
    share: float, split: str, change: Change = np.copy, step: int = 0
) -> Plant:
    """Puts copies of the first records in the place of a share of a split, the last."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = (array.copy() for array in data[split])
        count = round(share * len(labels))
        first = np.resize(np.arange(len(labels) - count), count)
        pixels[-count:] = change(pixels[first])
        labels[-count:] = (labels[first] + step) % CLASSES
        return {**data, split: (pixels, labels)}

    return plant


def twice(split: str, share: float) -> Plant:
    """Adds a share of a split to it once more, as a shard that was written twice."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = data[split]
        count = round(share * len(labels))
        again = np.concatenate([pixels, pixels[:count]])
        return {**data, split: (again, np.concatenate([labels, labels[:count]]))}

    return plant


def kept(split: str, share: float, of_class: int | None = None) -> Plant:
    """Leaves a share of the records of a split, or of those of one class."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = data[split]
        lost = _chosen(labels, 1 - share, of_class, np.random.default_rng(0))
        return {**data, split: tuple(np.delete(a, lost, 0) for a in (pixels, labels))}

    return plant


def first_of_sorted(split: str, share: float) -> Plant:
    """Sorts a split by label and loses the last records."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = data[split]
        order = np.argsort(labels, kind="stable")[: round(share * len(labels))]
        return {**data, split: (pixels[order], labels[order])}

    return plant


def mostly(label: int, share: float, split: str) -> Plant:
    """Makes a class that share of a split, by repeating its records."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = data[split]
        count = round(share * len(labels))
        chosen = np.resize(np.flatnonzero(labels == label), count)
        others = np.flatnonzero(labels != label)[: len(labels) - count]
        kept = np.concatenate([chosen, others])
        return {**data, split: (pixels[kept], labels[kept])}

    return plant


def balance_moved(split: str, low: Sequence[int], share: float) -> Plant:
    """Leaves a share of the records of some classes of a split."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = data[split]
        rng = np.random.default_rng(0)
        lost = [_chosen(labels, 1 - share, label, rng) for label in low]
        gone = np.concatenate(lost)
        return {**data, split: tuple(np.delete(a, gone, 0) for a in (pixels, labels))}

    return plant


def part_of(source: str, target: str) -> Plant:
    """Draws all of one split from another."""

    def plant(data: Mapping[str, Split]) -> Splits:
        pixels, labels = data[source]
        rng, count = np.random.default_rng(0), len(data[target][1])
        drawn = rng.choice(len(labels), count, replace=False)
        return {**data, target: (pixels[drawn], labels[drawn])}

    return plant


def marked_by_label(size: int, share: float = 1.0) -> Plant:
    """A white square of so many pixels a side, at a place that tells the label."""

    def plant(data: Mapping[str, Split]) -> Splits:
        spoilt, rng = dict(data), np.random.default_rng(0)
        for split, (pixels, labels) in data.items():
            pixels = pixels.copy()
            for index in _chosen(labels, share, None, rng):
                left = labels[index] * size
                pixels[index, :size, left : left + size] = 255
            spoilt[split] = pixels, labels
        return spoilt

    return plant


def pixel_by_label(value: int) -> Plant:
    """One faint pixel in the last row, at a place that tells the label."""

    def plant(data: Mapping[str, Split]) -> Splits:
        spoilt = dict(data)
        for split, (pixels, labels) in data.items():
            pixels = pixels.copy()
            pixels[np.arange(len(labels)), -1, 2 + 2 * labels] = value
            spoilt[split] = pixels, labels
        return spoilt

    return plant


def label_in_corner(data: Mapping[str, Split]) -> Splits:
    """The label itself, plus one, as the value of the first pixel."""
    spoilt = dict(data)
    for split, (pixels, labels) in data.items():
        pixels = pixels.copy()
        pixels[:, 0, 0] = labels + 1
        spoilt[split] = pixels, labels
    return spoilt


def bright_by_label(step: float) -> Plant:
    """Adds to the background of an image so much for each count of its label."""

    def plant(data: Mapping[str, Split]) -> Splits:
        return {
            split: (
                np.minimum(pixels + (labels * step)[:, None, None], 255).astype("u1"),
                labels,
            )
            for split, (pixels, labels) in data.items()
        }

    return plant
