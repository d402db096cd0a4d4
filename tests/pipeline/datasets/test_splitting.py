"""Splits by class and by count: exact sizes, the same each time, no copy on both."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from components.classes import DIGITS
from components.errors import DatasetError, UsageError
from components.image_spec import MNIST
from pipeline.datasets.source import Source, SourceSplit
from pipeline.datasets.splitting import split_source

Items = list[tuple[np.ndarray, int]]


def make_items(count: int, seed: int = 0) -> Items:
    """Random images, labelled 0 to 9 in turn."""
    images = np.random.default_rng(seed).integers(0, 256, (count, 784), np.uint8)
    return [(image, index % MNIST.classes) for index, image in enumerate(images)]


def split(
    folder: Path,
    splits: dict[str, Items],
    val: float | int | None = None,
    test: float | int | None = None,
    ordered: bool = False,
) -> dict[str, Items]:
    source = Source(
        classes=DIGITS,
        splits={
            name: SourceSplit(Path("/source"), len(items), iter(items))
            for name, items in splits.items()
        },
        ordered=ordered,
    )
    made = split_source(source, val, test, folder, lambda _: None)
    listed = {one.name: list(one.examples) for one in made}
    assert [one.count for one in made] == [len(items) for items in listed.values()]
    return listed


def keys(items: Items) -> list[bytes]:
    return [image.tobytes() for image, _ in items]


def test_splits_that_are_there_are_kept_as_they_are(tmp_path: Path) -> None:
    given = {name: make_items(20, i) for i, name in enumerate(("train", "val", "test"))}
    made = split(tmp_path, given)

    assert list(made) == ["train", "val", "test"]
    for name, items in given.items():
        assert keys(made[name]) == keys(items)
        assert [label for _, label in made[name]] == [label for _, label in items]


def test_a_share_is_taken_of_each_class(tmp_path: Path) -> None:
    items = make_items(200)
    made = split(tmp_path, {"train": items}, val=0.1, test=0.25)

    # 20 of each class: 5 for test, then a tenth of the 15 left, rounded to 2.
    sizes = {
        name: Counter(label for _, label in made[name]) for name in ("test", "val")
    }
    assert sizes == {
        "test": dict.fromkeys(range(10), 5),
        "val": dict.fromkeys(range(10), 2),
    }
    everything = [key for part in made.values() for key in keys(part)]
    assert sorted(everything) == sorted(keys(items))
    # What is left keeps its order.
    order = keys(items)
    assert [order.index(key) for key in keys(made["train"])] == sorted(
        order.index(key) for key in keys(made["train"])
    )


def test_the_same_images_are_split_alike_in_any_order(tmp_path: Path) -> None:
    items = make_items(100)
    first = split(tmp_path, {"train": items, "test": make_items(10, 1)}, val=0.2)
    again = split(tmp_path, {"train": items[::-1], "test": make_items(10, 1)}, val=0.2)

    assert set(keys(first["val"])) == set(keys(again["val"]))


def test_copies_of_an_image_stay_together(tmp_path: Path) -> None:
    items = [item for item in make_items(50) for _ in range(3)]
    made = split(tmp_path, {"train": items, "test": make_items(10, 1)}, val=0.4)

    assert len(made["val"]) == 60
    assert not set(keys(made["val"])) & set(keys(made["train"]))


def test_a_count_is_taken_from_the_end(tmp_path: Path) -> None:
    items = make_items(30)
    made = split(tmp_path, {"train": items, "test": make_items(10, 1)}, val=7)

    assert keys(made["train"]) == keys(items[:23])
    assert keys(made["val"]) == keys(items[23:])


def test_what_comes_class_by_class_is_mixed(tmp_path: Path) -> None:
    items = sorted(make_items(200), key=lambda item: item[1])
    made = split(
        tmp_path, {"train": items, "test": make_items(10, 1)}, ordered=True, val=50
    )

    assert sorted(keys(made["train"]) + keys(made["val"])) == sorted(keys(items))
    for part in (made["train"][:50], made["val"]):
        assert len({label for _, label in part}) == MNIST.classes


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"val": 0.1}, "Expected --test, since the source has no split test."),
        ({"test": 0.1}, "Expected --val, since the source has no split val."),
    ],
)
def test_a_split_that_is_missing_must_be_asked_for(tmp_path, sizes, message) -> None:
    with pytest.raises(UsageError) as caught:
        split(tmp_path, {"train": make_items(20)}, **sizes)
    assert str(caught.value).startswith(message)


def test_a_split_that_is_there_must_not_be_asked_for(tmp_path: Path) -> None:
    items = make_items(20)
    with pytest.raises(UsageError, match=r"source has a split val of its own.*0\.2"):
        split(tmp_path, {"train": items, "val": items}, val=0.2, test=0.1)


def test_a_class_without_an_image_is_named(tmp_path: Path) -> None:
    items = [(image, label) for image, label in make_items(20) if label not in (3, 7)]

    with pytest.raises(DatasetError) as caught:
        split(tmp_path, {"train": items, "test": make_items(10)}, val=0.1)
    assert str(caught.value) == (
        "/source: expected at least one image of each of the 10 classes in train, "
        "since exactly 10 classes are supported, received none of 3, 7. Add some."
    )


def test_a_class_of_one_image_cannot_be_split(tmp_path: Path) -> None:
    items = [item for item in make_items(20) if item[1] != 3] + [make_items(4)[3]] * 3

    with pytest.raises(DatasetError, match=r"of class 3 to split off val, received 3,"):
        split(tmp_path, {"train": items, "test": make_items(10)}, val=0.1)


def test_what_comes_sorted_in_one_file_is_mixed_as_well(tmp_path: Path) -> None:
    items = sorted(make_items(200), key=lambda item: item[1])
    made = split(tmp_path, {"train": items, "test": make_items(10, 1)}, val=50)

    assert {label for _, label in made["val"]} == set(range(10))


def test_what_cannot_be_used_is_refused_or_left_out(tmp_path: Path) -> None:
    items = make_items(20)
    source = Source(DIGITS, {"train": SourceSplit(Path("/s"), 22, iter(items))})
    source.findings.add_bad("/s/a.png", "expected a picture, received a text file")
    source.findings.admits(10, "/s/b")

    def read(skip_bad: bool) -> list[int]:
        made = split_source(source, 0.5, 0.5, tmp_path, lambda _: None, skip_bad)
        return [one.count for one in made]

    with pytest.raises(DatasetError) as caught:
        read(skip_bad=False)
    first, second = str(caught.value).splitlines()
    assert first == (
        "/s/a.png: expected a picture, received a text file. Replace or remove it, or "
        "leave out with --skip-bad what cannot be used."
    )
    assert second.startswith("/s/b: expected labels in 0..9, since exactly 10 classes")


@pytest.mark.parametrize("count", [20, 21])
def test_a_count_must_leave_something(tmp_path: Path, count: int) -> None:
    with pytest.raises(
        DatasetError, match=f"1 to 19 of the 20 images, received {count}"
    ):
        split(tmp_path, {"train": make_items(20), "test": make_items(10)}, val=count)
