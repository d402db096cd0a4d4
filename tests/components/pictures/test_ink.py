"""Digits on pages are drawn as MNIST's own preparation draws them.

A page is right where what was drawn is like the digit that was put on it, so that no
network is needed here.
"""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from components.image_spec import MNIST
from components.pictures.preparation import BLANK, READ, prepare
from tests.pages import (
    as_jpeg,
    black_corner,
    first_digits,
    framed,
    grey_page,
    middle_grey,
    put,
    random_page,
    ruled,
    texture,
    to_bytes,
    white_page,
)

pytestmark = pytest.mark.slow

Grey = np.ndarray
COUNT = 40


@pytest.fixture(scope="module")
def digits() -> Grey:
    return first_digits(COUNT)[0]


@pytest.fixture(scope="module")
def ready() -> Callable[[Grey], dict[str, np.ndarray]]:
    """Prepares a page as numpy arrays, by one graph for all sizes."""
    graph = tf.function(
        lambda grey: prepare(grey, MNIST.size, "ink"),
        input_signature=[tf.TensorSpec([None, None], tf.uint8)],
        autograph=False,
    )
    return lambda page: {k: v.numpy() for k, v in graph(page)._asdict().items()}


def likeness(drawn: Grey, digit: Grey) -> float:
    """The best correlation with the digit, moved by at most a pixel either way."""
    moves = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    if not drawn.any():
        return 0.0
    return max(
        np.corrcoef(np.roll(digit, move, axis=(0, 1)).ravel(), drawn.ravel())[0, 1]
        for move in moves
    )


def dark_on_120(digit: Grey) -> Grey:
    return middle_grey(digit, 30)


def bright_on_120(digit: Grey) -> Grey:
    return middle_grey(digit, 230)


@pytest.mark.parametrize(
    ("page", "dark"),
    [
        (grey_page, True),
        (black_corner, False),
        (dark_on_120, True),
        (bright_on_120, False),
        (white_page, True),
    ],
)
def test_digits_on_even_pages_are_drawn_as_they_were(digits, ready, page, dark) -> None:
    found = [ready(page(digit)) for digit in digits]
    like = [
        likeness(one["pixels"], digit) for one, digit in zip(found, digits, strict=True)
    ]

    assert min(like) > 0.9
    assert all(one["dark"] == dark for one in found)
    assert all(one["state"] == READ and one["alone"] for one in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda page, rng: page,
        lambda page, rng: as_jpeg(page, 20),
        lambda page, rng: ruled(page, rng, squared=True),
        framed,
    ],
    ids=["as it is", "JPEG", "squared paper", "a scanner's frame"],
)
def test_digits_on_pages_of_all_kinds_are_found(digits, ready, change) -> None:
    """Random size, place, ink, ground, shadow, texture and noise."""
    like = []
    for number, digit in enumerate(digits[:25]):
        rng = np.random.default_rng(1000 + number)
        page = change(random_page(digit, rng), rng)
        like.append(likeness(ready(page)["pixels"], digit))

    assert sum(one > 0.8 for one in like) >= 22


def test_digits_that_are_cropped_closely_are_found(digits, ready) -> None:
    like = []
    for number, digit in enumerate(digits[:25]):
        rows, columns = (np.flatnonzero(digit.max(axis=axis)) for axis in (1, 0))
        ink = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        large = np.kron(ink, np.ones((6, 6))) / 255
        noise = np.random.default_rng(number).normal(0, 3, large.shape)
        like.append(
            likeness(ready(to_bytes(200 - 120 * large + noise))["pixels"], digit)
        )

    assert sum(one > 0.8 for one in like) >= 22


def test_a_page_without_ink_is_blank_whatever_its_ground(ready) -> None:
    for number in range(8):
        rng = np.random.default_rng(number)
        size = tuple(rng.integers(100, 900, 2))
        page = rng.uniform(60, 250) * np.ones(size, np.float32)
        noise = rng.normal(0, rng.uniform(0, 8), size)
        even = to_bytes(page + texture(size, rng) + noise)
        assert ready(even)["state"] == BLANK, number


def test_the_box_is_where_the_ink_is(digits, ready) -> None:
    page = to_bytes(put(digits[0], (600, 500), 200, (300, 100), 20, 220))
    inked = np.nonzero(digits[0])
    rows, columns = (inked[0] * 200 / 28 + 300, inked[1] * 200 / 28 + 100)
    expected = [rows.min(), columns.min(), rows.max(), columns.max()]
    assert np.abs(ready(page)["box"] - expected).max() < 14


def test_strokes_of_a_pencil_are_drawn_as_wide_as_mnists(ready) -> None:
    page = np.full((600, 600), 230, np.uint8)
    page[200:400, 300:302] = 90
    drawn = ready(page)["pixels"]
    assert drawn.max() == 255
    # Twenty rows of ink, each about two pixels wide.
    rows = (drawn / 255.0).sum(axis=1)
    assert np.count_nonzero(rows > 1.2) >= 18


def test_what_is_elsewhere_is_left_out_and_said(digits, ready) -> None:
    page = put(digits[0], (500, 1200), 200, (150, 100), 20, 220)
    page += put(digits[1], (500, 1200), 200, (150, 900), 20, 220) - 220
    found = ready(to_bytes(page))
    assert not found["alone"]
    drawn = found["pixels"]
    assert max(likeness(drawn, digits[0]), likeness(drawn, digits[1])) > 0.9


def test_a_smooth_shadow_alone_is_no_ink(ready) -> None:
    rows = np.linspace(0, 1, 400)[:, None] * np.ones(500)
    assert ready(to_bytes(230 - 60 * rows))["state"] == BLANK
